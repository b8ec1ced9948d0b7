import assert from "node:assert/strict";
import { mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { assertNothingLeft, type HostSnapshot, isRoot, snapshotHost } from "../support/index.ts";
import { Containers } from "./containers.ts";

/** What a program finds inside its container, set by set. */
describe("inside a container", { skip: isRoot ? false : "needs root" }, () => {
  let containers: Containers;
  let earlier: HostSnapshot;

  before(() => {
    earlier = snapshotHost({ matching: new RegExp(`rt-${process.pid}-`) });
    containers = new Containers();
  });
  after(async () => {
    await containers[Symbol.asyncDispose]();
    await assertNothingLeft(earlier);
  });

  it("has namespaces of its own, and is process 1 in them", async () => {
    const types = ["pid", "net", "ipc", "uts", "mnt"];
    const text = await containers.shell(
      `echo $$; for t in ${types.join(" ")} user; do readlink /proc/self/ns/$t; done`,
    );
    const [pid, ...links] = text.split("\n");
    assert.equal(pid, "1");
    for (const [index, type] of types.entries()) {
      assert.notEqual(links[index], readlinkSync(`/proc/self/ns/${type}`), type);
    }
    assert.equal(links[5], readlinkSync("/proc/self/ns/user"));
  });

  it("sees its root file system only, read-only where asked", async () => {
    const text = await containers.shell(
      "ls /; touch /x 2>&1 || true; grep -c . /proc/self/mountinfo; stat -c %m /",
    );
    assert.match(text, /^bin\ndev\netc\nproc\n/);
    assert.match(text, /Read-only file system/);
  });

  it("can write to a root file system that is not read-only", async () => {
    await containers.shell("echo y > /written", (config) => {
      config.root = { path: "rootfs" };
    });
    assert.equal(readFileSync(join(containers.bundle, "rootfs/written"), "utf8"), "y\n");
  });

  it("has the default devices and links", async () => {
    const text = await containers.shell(
      "cd /dev; stat -c '%n %F %t:%T %a' null zero full random urandom tty; readlink fd; readlink ptmx",
    );
    assert.equal(
      text,
      [
        "null character special file 1:3 666",
        "zero character special file 1:5 666",
        "full character special file 1:7 666",
        "random character special file 1:8 666",
        "urandom character special file 1:9 666",
        "tty character special file 5:0 666",
        "/proc/self/fd",
        "pts/ptmx",
      ].join("\n"),
    );
  });

  it("has exactly three descriptors", async () => {
    // The fourth is that of the directory that ls reads.
    assert.equal(await containers.shell("exec ls /proc/self/fd"), "0\n1\n2\n3");
  });

  it("mounts binds with their flags, and makes what is missing", async () => {
    const source = join(containers.directory, "shared");
    mkdirSync(join(source, "inner"), { recursive: true });
    writeFileSync(join(source, "file"), "content");
    const text = await containers.shell(
      "cat /made/for/file; touch /ro/x 2>&1; touch /rw/new; grep -E ' /(ro|rw) ' /proc/self/mountinfo | cut -d' ' -f5,6",
      (config) => {
        config.root = { path: "rootfs" };
        config.mounts.push(
          { destination: "/made/for/file", source: join(source, "file"), options: ["bind", "ro"] },
          { destination: "/ro", source, options: ["rbind", "ro", "nosuid", "rprivate"] },
          { destination: "/rw", source, options: ["bind", "noexec", "nodev"] },
        );
      },
    );
    assert.match(text, /^content/);
    assert.match(text, /\/ro\/x: Read-only file system/);
    assert.match(text, /^\/ro ro,nosuid/m);
    assert.match(text, /^\/rw rw,nodev,noexec/m);
    readFileSync(join(source, "new"));
  });

  it("gives a tmpfs its size and mode, and one without a mode that of the directory below", async () => {
    const text = await containers.shell(
      "stat -c %a /a /root /c; df -k /a | tail -1 | tr -s ' ' | cut -d' ' -f2; touch /c/x 2>&1 || true",
      (config) => {
        config.root = { path: "rootfs" };
        config.mounts.push(
          { destination: "/a", type: "tmpfs", source: "tmpfs", options: ["size=1m", "mode=1700"] },
          { destination: "/root", type: "tmpfs", source: "tmpfs" },
          { destination: "/c", type: "tmpfs", source: "tmpfs", options: ["ro", "mode=755"] },
        );
      },
    );
    const covered = (0o755).toString(8);
    assert.match(text, new RegExp(`^1700\n${covered}\n755\n1024\n.*Read-only`));
  });

  it("hides masked paths and protects read-only ones", async () => {
    const text = await containers.shell(
      "exec 2>&1; cat /proc/keys | wc -c; ls /sys/firmware | wc -l; echo 1 > /proc/sys/kernel/panic || true; echo 1 > /proc/irq/default_smp_affinity || true",
    );
    assert.match(text, /^0\n0\n/);
    assert.equal(text.match(/Read-only file system/g)?.length, 2);
  });

  it("sets host name, domain name and kernel parameters of its namespaces", async () => {
    const text = await containers.shell(
      "hostname; cat /proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_forward",
      (config) => {
        config["domainname"] = "example.org";
        config.linux["sysctl"] = { "net.ipv4.ip_forward": "1" };
      },
    );
    assert.equal(text, "corten\nexample.org\n1");
  });

  it("runs as the user, with groups, umask, limits and directory that were asked for", async () => {
    const text = await containers.shell(
      "id -u; id -g; id -G; umask; ulimit -n; pwd; touch /work/f; stat -c %u:%a /work/f",
      (config) => {
        config.root = { path: "rootfs" };
        config.mounts.push({ destination: "/work", type: "tmpfs", source: "tmpfs", options: ["mode=777"] });
        Object.assign(config.process, {
          user: { uid: 1234, gid: 56, additionalGids: [7, 8], umask: 0o027 },
          rlimits: [{ type: "RLIMIT_NOFILE", soft: 99, hard: 200 }],
          cwd: "/work/deeper/still",
        });
      },
    );
    assert.equal(text, "1234\n56\n56 7 8\n0027\n99\n/work/deeper/still\n1234:640");
  });

  it("has the five capability sets and no_new_privs as asked", async () => {
    const status = await containers.shell("grep -E '^(Cap|NoNewPrivs)' /proc/self/status", (config) => {
      Object.assign(config.process, {
        user: { uid: 1000, gid: 1000 },
        capabilities: {
          bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"],
          permitted: ["CAP_CHOWN", "CAP_KILL"],
          effective: ["CAP_CHOWN", "CAP_KILL"],
          inheritable: ["CAP_KILL"],
          ambient: ["CAP_KILL"],
        },
      });
    });
    const sets = Object.fromEntries(status.split("\n").map((line) => line.split(/:\s+/) as [string, string]));
    assert.equal(Number.parseInt(sets["CapBnd"]!, 16), (1 << 0) | (1 << 5) | (1 << 13));
    // After execve of a file without capabilities only the ambient ones are left to a user.
    assert.equal(Number.parseInt(sets["CapEff"]!, 16), 1 << 5);
    assert.equal(Number.parseInt(sets["CapInh"]!, 16), 1 << 5);
    assert.equal(Number.parseInt(sets["CapAmb"]!, 16), 1 << 5);
    assert.equal(sets["NoNewPrivs"], "1");
  });

  it("filters system calls", async () => {
    const { stderr } = await containers.run(["/bin/sh", "-c", "mkdir /tmp/x; chmod 700 /tmp"], (config) => {
      config.root = { path: "rootfs" };
      config.linux["seccomp"] = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [
          { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28 },
          { names: ["chmod", "fchmodat", "no_such_call"], action: "SCMP_ACT_ERRNO" },
        ],
      };
    });
    assert.match(stderr, /x': No space left on device/);
    assert.match(stderr, /tmp: Operation not permitted/);
  });

  it("keeps every path of a hostile image inside", async () => {
    const rootfs = join(containers.bundle, "rootfs");
    const canary = join(containers.directory, "canary");
    mkdirSync(canary);
    symlinkSync(canary, join(rootfs, "outside"));
    symlinkSync("../../../../../../..", join(rootfs, "up"));
    await containers.shell("true", (config) => {
      config.root = { path: "rootfs" };
      config.mounts.push(
        { destination: "/outside/a/b", type: "tmpfs", source: "tmpfs" },
        { destination: `/up${canary}/c`, type: "tmpfs", source: "tmpfs" },
      );
    });
    assert.deepEqual(snapshotHost({ folders: [canary], matching: /canary\// }).files.size, 0);
  });

  it("joins namespaces by path", async () => {
    const id = await containers.create(["/bin/sleep", "100"]);
    const { pid } = containers.runtime.state(id);
    const text = await containers.shell(
      "readlink /proc/self/ns/net; readlink /proc/self/ns/pid; echo $$",
      (config) => {
        config.linux["namespaces"] = [
          { type: "mount" },
          { type: "network", path: `/proc/${pid}/ns/net` },
          { type: "pid", path: `/proc/${pid}/ns/pid` },
          { type: "uts" },
        ];
      },
    );
    assert.deepEqual(text.split("\n"), [
      readlinkSync(`/proc/${pid}/ns/net`),
      readlinkSync(`/proc/${pid}/ns/pid`),
      "2",
    ]);
  });

  it("is in its control group in every hierarchy", async () => {
    const id = await containers.create(["/bin/sleep", "100"]);
    const lines = readFileSync(`/proc/${containers.runtime.state(id).pid}/cgroup`, "utf8")
      .trim()
      .split("\n");
    assert.deepEqual(
      lines.filter((line) => !line.endsWith(`/${id}`)),
      [],
    );
  });

  it("has a read-only view of its own control groups", async () => {
    const text = await containers.shell(
      "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; cat /proc/self/cgroup",
      (config) => {
        config.linux["namespaces"] = ["pid", "mount", "uts", "cgroup"].map((type) => ({ type }));
        config.linux["resources"] = { pids: { limit: 77 }, memory: { limit: 64 << 20 } };
        config.mounts.push({
          destination: "/sys/fs/cgroup",
          type: "cgroup",
          source: "cgroup",
          options: ["ro"],
        });
      },
    );
    assert.match(text, /^77\n/);
    assert.doesNotMatch(text, /rt-\d/);
  });

  it("puts layers together without a trace in the host's mount table", async () => {
    const lower = join(containers.directory, "lower");
    mkdirSync(lower);
    writeFileSync(join(lower, "from-layer"), "layer");
    const id = containers.id();
    const { launch } = await import("../../src/runtime/index.ts");
    const { configure } = await import("./containers.ts");
    const table = readFileSync("/proc/self/mountinfo", "utf8");
    const config = configure(
      [
        "/bin/sh",
        "-c",
        "cat /from-layer; echo changed > /from-layer; cat /from-layer; cmp /proc/1/mountinfo /etc/x 2>/dev/null; grep -c 'overlay' /proc/self/mountinfo",
      ],
      (change) => {
        change.root = { path: "rootfs" };
      },
    );
    const { stdout } = await containers.capture((stdio) =>
      launch(
        containers.runtime.prepareRun({
          id,
          bundle: containers.bundle,
          config,
          root: {
            kind: "layers",
            layers: [
              { kind: "directory", path: join(containers.bundle, "rootfs") },
              { kind: "directory", path: lower },
            ],
            upper: { kind: "tmpfs", sizeBytes: 1 << 20 },
          },
        }),
        { stdio },
      ),
    );
    assert.equal(stdout, "layerchanged\n1\n");
    assert.equal(readFileSync(join(lower, "from-layer"), "utf8"), "layer");
    assert.equal(readFileSync("/proc/self/mountinfo", "utf8"), table);
  });
});
