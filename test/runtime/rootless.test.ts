import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { RuntimeConfig } from "../../src/spec/index.ts";
import { chownTree, isRoot, makeBusyboxRootfs, repository, temporaryDirectory } from "../support/index.ts";

/** A change of config.json as `spec --rootless` writes it. */
type Change = (config: RuntimeConfig) => RuntimeConfig;

const withArgs = (config: RuntimeConfig, ...args: readonly string[]): RuntimeConfig => ({
  ...config,
  process: { ...config.process!, args, terminal: false },
});

/** An ordinary user of this machine, made for these tests, with a bundle and an installation that it can reach. */
class User {
  readonly name = `corten-t${process.pid}`;
  readonly uid: number;
  readonly gid: number;
  readonly directory = temporaryDirectory("rootless");
  readonly bundle = join(this.directory.path, "bundle");

  constructor() {
    execFileSync("useradd", ["--no-create-home", "--user-group", this.name]);
    this.uid = Number(execFileSync("id", ["-u", this.name], { encoding: "utf8" }));
    this.gid = Number(execFileSync("id", ["-g", this.name], { encoding: "utf8" }));
    chmodSync(this.directory.path, 0o711);
    cpSync(join(repository, "dist"), join(this.directory.path, "dist"), { recursive: true });
    for (const directory of [this.bundle, join(this.directory.path, "run")]) {
      mkdirSync(directory);
      if (directory === this.bundle) makeBusyboxRootfs(join(directory, "rootfs"));
      chownTree(directory, this.uid, this.gid);
      chmodSync(directory, 0o700);
    }
  }

  /** A range of subordinate ids that the distribution gave this user. */
  subordinate(): number {
    const line = readFileSync("/etc/subuid", "utf8")
      .split("\n")
      .find((text) => text.startsWith(`${this.name}:`));
    assert.ok(line, "useradd gave no subordinate ids");
    return Number(line.split(":")[1]);
  }

  /** Runs a program as this user; with `inside`, as root of a user namespace that unshare(1) makes. */
  run(args: readonly string[], inside = false) {
    const command = [
      ...["setpriv", `--reuid=${this.uid}`, `--regid=${this.gid}`, "--clear-groups", "--"],
      ...(inside ? ["unshare", "-r", "--"] : []),
      ...args,
    ];
    const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", XDG_RUNTIME_DIR: join(this.directory.path, "run") };
    return spawnSync(command[0]!, command.slice(1), {
      cwd: this.bundle,
      env,
      encoding: "utf8",
      timeout: 30_000,
    });
  }

  oci(args: readonly string[], inside = false) {
    return this.run([join(this.directory.path, "dist/corten-oci"), ...args], inside);
  }

  /** `spec --rootless`, then `change`. */
  configure(change: Change, inside = false): void {
    const file = join(this.bundle, "config.json");
    rmSync(file, { force: true });
    const spec = this.oci(["spec", "--rootless"], inside);
    assert.equal(spec.status, 0, spec.stderr);
    writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, "utf8")) as RuntimeConfig)));
    chownSync(file, this.uid, this.gid);
  }

  [Symbol.dispose](): void {
    execFileSync("userdel", [this.name]);
    this.directory[Symbol.dispose]();
  }
}

describe("corten-oci for an ordinary user", { skip: isRoot ? false : "needs root, to make a user" }, () => {
  let user: User;
  before(() => {
    user = new User();
  });
  after(() => user[Symbol.dispose]());

  for (const inside of [false, true]) {
    describe(inside ? "inside unshare -r" : "with a single id", () => {
      it("runs a container and takes its exit code", () => {
        user.configure(
          (config) => withArgs(config, "sh", "-c", "id -u; cat /proc/self/uid_map; exit 7"),
          inside,
        );
        const { status, stdout, stderr } = user.oci(["run", "one"], inside);
        assert.equal(stderr, "");
        assert.match(
          stdout,
          inside ? /^0\n\s+0\s+0\s+1\n$/ : new RegExp(`^0\\n\\s+0\\s+${user.uid}\\s+1\\n$`),
        );
        assert.equal(status, 7);
      });

      it("creates, starts, enters, lists, kills and deletes one", () => {
        user.configure((config) => withArgs(config, "sleep", "100"), inside);
        // In the namespace of one unshare(1): another could not see into it.
        const script = [
          "set -e",
          `c=${join(user.directory.path, "dist/corten-oci")}`,
          "$c create two </dev/null >/dev/null 2>&1",
          '$c state two | grep -o \'"status": "[a-z]*"\'',
          "$c start two",
          '$c exec two sh -c \'id -u; cat /proc/1/cmdline | tr "\\\\0" " "; echo\'',
          "$c list -q",
          "$c kill two KILL",
          "while $c state two | grep -q running; do sleep 0.05; done",
          "$c delete two",
          "$c list -q",
        ];
        const { status, stdout, stderr } = user.run(["sh", "-c", script.join("\n")], inside);
        assert.equal(status, 0, stderr);
        assert.equal(stdout, '"status": "created"\n0\nsleep 100 \ntwo\n');
        assert.deepEqual(
          readdirSync(join(user.directory.path, "run/corten/oci")).filter((name) => !name.startsWith(".")),
          [],
        );
      });

      it("names what it leaves out", () => {
        user.configure((config) => withArgs(config, "true"), inside);
        const { status, stderr } = user.oci(["--debug", "run", "three"], inside);
        assert.equal(status, 0, stderr);
        assert.match(stderr, /the control groups of .* are left out, since this user may not write them/);
      });

      it("refuses a limit, and cgroups that are insisted on", () => {
        user.configure(
          (config) => ({
            ...withArgs(config, "true"),
            linux: { ...config.linux, resources: { pids: { limit: 9 } } },
          }),
          inside,
        );
        const limited = user.oci(["run", "four"], inside);
        assert.match(
          limited.stderr,
          /\/linux\/resources\/pids\/limit: this user may not write the control group/,
        );
        assert.equal(limited.status, 1);
        user.configure((config) => withArgs(config, "true"), inside);
        assert.match(user.oci(["--rootless", "false", "run", "five"], inside).stderr, /cgroupsPath.*EACCES/);
        assert.equal(user.oci(["--rootless", "true", "run", "six"], inside).status, 0);
      });
    });
  }

  it("maps a range of subordinate ids by newuidmap", () => {
    const first = user.subordinate();
    const range = (id: number) => [
      { containerID: 0, hostID: id, size: 1 },
      { containerID: 1, hostID: first, size: 1000 },
    ];
    const mapped: Change = (config) => ({
      ...withArgs(config, "sh", "-c", "cat /proc/self/uid_map; id -u; touch /tmp/file; stat -c %u /tmp/file"),
      process: {
        ...withArgs(
          config,
          "sh",
          "-c",
          "cat /proc/self/uid_map; id; touch /tmp/file; stat -c %u:%g /tmp/file",
        ).process!,
        user: { uid: 500, gid: 501, additionalGids: [7] },
      },
      mounts: [
        ...config.mounts!,
        { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"] },
      ],
      linux: { ...config.linux, uidMappings: range(user.uid), gidMappings: range(user.gid) },
    });
    user.configure(mapped);
    const { status, stdout, stderr } = user.oci(["run", "range"]);
    assert.equal(status, 0, stderr);
    assert.match(stdout, new RegExp(`\\s1\\s+${first}\\s+1000\\nuid=500 gid=501 groups=7\\n500:501\\n`));
    user.configure((config) => ({
      ...withArgs(config, "true"),
      linux: { ...config.linux, uidMappings: [{ containerID: 0, hostID: 1, size: 1 }] },
    }));
    const refused = user.oci(["run", "foreign"]);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /\/linux\/uidMappings: .*newuidmap/);
  });

  it("keeps a bundle that only its owner can reach, with every id a subordinate one", () => {
    const first = user.subordinate();
    const range = [{ containerID: 0, hostID: first, size: 1000 }];
    const rootfs = join(user.bundle, "rootfs");
    chownTree(rootfs, first, first);
    try {
      user.configure((config) => ({
        ...withArgs(config, "stat", "-c", "%u", "/bin/sh"),
        linux: { ...config.linux, uidMappings: range, gidMappings: range },
      }));
      const { status, stdout, stderr } = user.oci(["run", "foreign-ids"]);
      assert.equal(status, 0, stderr);
      assert.equal(stdout, "0\n");
    } finally {
      chownTree(rootfs, user.uid, user.gid);
    }
  });

  it("says that it takes a user namespace", () => {
    const file = join(user.bundle, "config.json");
    rmSync(file, { force: true });
    assert.equal(user.oci(["spec"]).status, 0);
    const { status, stderr } = user.oci(["run", "none"]);
    assert.equal(status, 1);
    assert.match(stderr, /can run a container only in a user namespace\nhint: .*spec --rootless/);
  });
});
