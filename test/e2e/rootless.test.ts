/** The engine for an ordinary user: with a range of subordinate ids, and without. Nothing runs as root but useradd. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { commandOutput, corten, isRoot, makeBusyboxRootfs, temporaryDirectory } from "../support/index.ts";

const USERS = {
  "with subordinate ids": { ranges: true, letter: "a", lacks: undefined },
  "without subordinate ids": { ranges: false, letter: "b", lacks: /no range in \/etc\/subuid/ },
  "with subordinate ids that no newuidmap maps": { ranges: false, letter: "c", lacks: /newuidmap.*uidmap/ },
} as const;

/** Becomes the program in a mount namespace in which the helpers are no programs. */
const HIDING = [
  ...["unshare", "--mount", "sh", "-c"],
  'for p in newuidmap newgidmap; do mount --bind /dev/null /usr/bin/$p || exit; done; exec "$@"',
  "sh",
];

for (const [title, { ranges, letter, lacks }] of Object.entries(USERS)) {
  describe(`corten as an ordinary user, ${title}`, { skip: !isRoot }, () => {
    const user = `corten-r${process.pid % 100_000}${letter}`;
    const hiding = letter === "c" ? HIDING : [];
    const directory = temporaryDirectory("rootless");
    const archive = join(directory.path, "root.tar");
    const image = "rootless/busybox:1";
    let uid = 0;
    let gid = 0;

    const run = (...args: string[]) => {
      const line = [
        ...hiding,
        ...["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", corten, ...args],
      ];
      const { status, stdout, stderr } = spawnSync(line[0]!, line.slice(1), {
        encoding: "utf8",
        timeout: 60_000,
        cwd: "/",
        env: {
          PATH: "/usr/bin:/bin",
          HOME: join(directory.path, "home"),
          XDG_RUNTIME_DIR: join(directory.path, "run"),
          XDG_DATA_HOME: join(directory.path, "data"),
        },
      });
      return { status, stdout, stderr };
    };
    /** The output of a call that must succeed. */
    const output = (...args: string[]) => {
      const { status, stdout, stderr } = run(...args);
      assert.equal(status, 0, `${args.join(" ")}: ${stderr}`);
      return stdout;
    };

    before(async () => {
      await commandOutput("useradd", ["--system", "--no-create-home", "--shell", "/bin/sh", user]);
      uid = Number(await commandOutput("id", ["-u", user]));
      gid = Number(await commandOutput("id", ["-g", user]));
      if (letter !== "b") {
        await commandOutput("usermod", [
          "--add-subuids",
          "700000-765535",
          "--add-subgids",
          "700000-765535",
          user,
        ]);
      }
      chmodSync(directory.path, 0o755);
      for (const name of ["home", "run", "data"]) {
        mkdirSync(join(directory.path, name), { mode: 0o700 });
        chownSync(join(directory.path, name), uid, gid);
      }
      const root = join(directory.path, "root");
      makeBusyboxRootfs(root);
      mkdirSync(join(root, "srv/www"), { recursive: true });
      chownSync(join(root, "srv/www"), 33, 33);
      chmodSync(join(root, "srv/www"), 0o750);
      await commandOutput("tar", ["-C", root, "-cf", archive, "."]);
      chmodSync(archive, 0o644);
      output("import", archive, image);
    });
    after(async () => {
      await commandOutput("userdel", [user]);
      directory[Symbol.dispose]();
    });

    test("runs a program as root of its own, with the image's owners", () => {
      const script =
        "id -u; stat -c '%u:%g %a' /srv/www; touch /new && stat -c %u /new; hostname; ls /dev/null";
      const lines = output("run", "--rm", "--hostname", "inside", image, "sh", "-c", script).split("\n");
      assert.deepEqual(lines.slice(0, 5), [
        "0",
        ranges ? "33:33 750" : "0:0 750",
        "0",
        "inside",
        "/dev/null",
      ]);
      const code = run("run", "--rm", image, "sh", "-c", "exit 7");
      assert.equal(code.status, 7, code.stderr);
    });

    test("an image of EROFS layers, which the user cannot mount, shows the same", () => {
      const native = "rootless/native:1";
      output("image", "convert", "-q", "--compression", "erofs", `corten:${image}`, `corten:${native}`);
      const script = "cat /etc/passwd; stat -c '%u:%g %a' /srv/www; stat -c %h /bin/sh";
      const look = (name: string) => output("run", "--rm", name, "sh", "-c", script);
      assert.equal(look(native), look(image));
      output("rmi", native);
    });

    test("what a container writes, whoever it is inside, is removed with it", () => {
      const script = ranges
        ? "mkdir -p /a/b && touch /a/b/c && chown -R 33:33 /a && chmod 700 /a"
        : "mkdir -p /a/b && chmod 500 /a";
      output("run", "--rm", image, "sh", "-c", script);
      output("run", "--name", "kept", image, "sh", "-c", script);
      assert.match(output("ps", "-a"), /kept/);
      output("rm", "kept");
      assert.deepEqual(readdirSync(join(directory.path, "data/corten/containers")), []);
    });

    test("a detached container: logs, exec, stop, rm", () => {
      output("run", "-d", "--name", "web", image, "sh", "-c", "echo started; exec sleep 100");
      let logs = "";
      for (let tries = 0; tries < 100 && logs === ""; tries++) {
        logs = output("logs", "web");
        if (logs === "") spawnSync("sleep", ["0.05"]);
      }
      assert.equal(logs, "started\n");
      assert.equal(output("exec", "web", "sh", "-c", "id -u; cat /proc/1/comm"), "0\nsleep\n");
      assert.equal(run("exec", "web", "sh", "-c", "exit 9").status, 9);
      if (ranges) assert.equal(output("exec", "-u", "33", "web", "id", "-u"), "33\n");
      output("stop", "-t", "0", "web");
      assert.match(output("ps", "-a"), /Exited \(137\)/);
      output("rm", "web");
      assert.deepEqual(
        readdirSync(join(directory.path, "run/corten/engine")).filter((name) => !name.startsWith(".")),
        [],
      );
    });

    test("what needs rights that are missing is refused by name", () => {
      const { status, stderr } = run("run", "--rm", "--memory", "64m", image, "true");
      assert.equal(status, 125);
      assert.match(stderr, /memory/);
      if (ranges) return;
      const other = run("run", "--rm", "-u", "33", image, "true");
      assert.equal(other.status, 125);
      assert.match(other.stderr, /uidMappings/);
    });

    test("the image lies in one directory, and system info says so", () => {
      const trees = join(directory.path, "data/corten/snapshots/trees/sha256");
      assert.equal(readdirSync(trees).filter((name) => !name.endsWith(".lock")).length, 1);
      const info = JSON.parse(output("system", "info", "--format", "json")) as Record<string, unknown>;
      assert.equal(info["StorageDriver"], "directories");
      const limitations = (info["Limitations"] as string[]).join("\n");
      if (lacks !== undefined) assert.match(limitations, lacks);
      else assert.doesNotMatch(limitations, /subuid|newuidmap/);
      assert.match(limitations, /control group/);
      output("rmi", image);
      assert.doesNotMatch(output("images"), /rootless\/busybox/);
    });
  });
}
