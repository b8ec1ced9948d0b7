import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { clauses } from "./harness/index.ts";

/** What a program finds inside its container, setting by setting. */
clauses("inside", {
  "namespaces of its own, and process 1 in them": {
    clause: "config-linux.md, Namespaces",
    action: async (box) => {
      const types = ["pid", "net", "ipc", "uts", "mnt"];
      const text = await box.shell(
        `echo $$; for t in ${types.join(" ")}; do readlink /proc/self/ns/$t; done`,
      );
      const [pid, ...links] = text.split("\n");
      assert.equal(pid, "1");
      for (const [index, type] of types.entries()) {
        assert.notEqual(links[index], readlinkSync(`/proc/self/ns/${type}`), type);
      }
    },
  },
  "the runtime's namespaces where none is listed": {
    clause: "config-linux.md, Namespaces: the container MUST inherit the runtime namespace of that type",
    places: ["root"],
    action: async (box) => {
      const text = await box.shell("for t in net ipc user; do readlink /proc/self/ns/$t; done", (config) => {
        config.linux["namespaces"] = ["pid", "mount", "uts"].map((type) => ({ type }));
      });
      assert.deepEqual(
        text.split("\n"),
        ["net", "ipc", "user"].map((type) => readlinkSync(`/proc/self/ns/${type}`)),
      );
    },
  },
  "namespaces by path": {
    clause: "config-linux.md, Namespaces: path",
    places: ["root"],
    action: async (box) => {
      const { pid } = await box.state(await box.start(["sleep", "100"]));
      const text = await box.shell(
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
      const links = ["net", "pid"].map((type) => readlinkSync(`/proc/${pid}/ns/${type}`));
      const [net, pids, own] = text.split("\n");
      assert.deepEqual([net, pids], links);
      assert.notEqual(own, "1");
    },
  },
  "a path that is no such namespace is an error": {
    clause:
      "config-linux.md, Namespaces: MUST generate an error if the path is not associated with that type",
    places: ["root"],
    action: (box) =>
      box.refuses(["true"], (config) => {
        config.linux["namespaces"] = [{ type: "mount" }, { type: "network", path: "/proc/self/ns/uts" }];
        delete config.hostname;
      }),
  },
  "a namespace type twice is an error": {
    clause: "config-linux.md, Namespaces: duplicates MUST generate an error",
    action: (box) =>
      box.refuses(["true"], (config) => {
        (config.linux["namespaces"] as object[]).push({ type: "uts" });
      }),
  },
  "its root file system only, read-only where asked": {
    clause: "config.md, Root",
    action: async (box) => {
      const { stdout, stderr } = await box.run(["sh", "-c", "ls /; touch /x"]);
      assert.match(stdout, /^bin\ndev\netc\nproc\n/);
      assert.match(stderr, /Read-only file system/);
    },
  },
  "a root file system that is not read-only is written to": {
    clause: "config.md, Root",
    action: async (box) => {
      await box.shell("echo y > /written", (config) => {
        config.root = { path: "rootfs" };
      });
      assert.equal(readFileSync(join(box.rootfs, "written"), "utf8"), "y\n");
    },
  },
  "an absolute root path": {
    clause: "config.md, Root: path is absolute or relative to the bundle",
    action: async (box) => {
      const text = await box.shell("ls -d /bin", (config) => {
        config.root["path"] = box.rootfs;
      });
      assert.equal(text, "/bin");
    },
  },
  "the default devices and links": {
    clause: "config-linux.md, Default Devices; runtime-linux.md, Dev symbolic links",
    action: async (box) => {
      const text = await box.shell(
        "cd /dev; stat -c '%n %F %t:%T %a' null zero full random urandom tty; for l in fd stdin stdout stderr; do readlink $l; done; test -e ptmx",
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
          ...[0, 1, 2].map((fd) => `/proc/self/fd/${fd}`),
        ].join("\n"),
      );
    },
  },
  "devices of linux.devices, with mode and owner": {
    clause: "config-linux.md, Devices",
    places: ["root"],
    action: async (box) => {
      const text = await box.shell(
        "stat -c '%F %t:%T %a %u:%g' /dev/own; stat -c %F /dev/queue",
        (config) => {
          config.linux["devices"] = [
            { path: "/dev/own", type: "c", major: 1, minor: 7, fileMode: 0o640, uid: 3, gid: 4 },
            { path: "/dev/queue", type: "p", fileMode: 0o600, uid: 0, gid: 0 },
          ];
        },
      );
      assert.equal(text, "character special file 1:7 640 3:4\nfifo");
    },
  },
  "three descriptors and no more": {
    clause: "a descriptor of the host inside is CVE-2024-21626",
    action: async (box) => {
      // The fourth is that of the directory that ls reads.
      assert.equal(await box.shell("exec ls /proc/self/fd"), "0\n1\n2\n3");
    },
  },
  "masked paths are hidden, and read-only ones protected": {
    clause: "config-linux.md, Masked Paths and Readonly Paths",
    action: async (box) => {
      const text = await box.shell(
        "exec 2>&1; cat /proc/keys | wc -c; ls /sys/firmware 2>/dev/null | wc -l; echo 1 > /proc/sys/kernel/panic || true; echo 1 > /proc/irq/default_smp_affinity || true",
      );
      assert.match(text, /^0\n0\n/);
      assert.equal(text.match(/Read-only file system|Permission denied/g)?.length, 2);
    },
  },
  "host name": {
    clause: "config.md, Hostname",
    action: async (box) => assert.equal(await box.shell("hostname"), "corten"),
  },
  "domain name": {
    clause: "config.md, Domainname (since 1.1)",
    action: async (box) => {
      const text = await box.shell("cat /proc/sys/kernel/domainname", (config) => {
        config["domainname"] = "example.org";
      });
      assert.equal(text, "example.org");
    },
  },
  "kernel parameters of its namespaces": {
    clause: "config-linux.md, Sysctl",
    action: async (box) => {
      const text = await box.shell("cat /proc/sys/net/ipv4/ip_forward", (config) => {
        config.linux["sysctl"] = { "net.ipv4.ip_forward": "1" };
      });
      assert.equal(text, "1");
    },
  },
  "a kernel parameter of the host is refused": {
    clause: "what is set there is set for every process of the machine (CVE-2022-0811)",
    action: (box) =>
      box.refuses(["true"], (config) => {
        config.linux["sysctl"] = { "kernel.panic": "7" };
      }),
  },
  "system calls are filtered": {
    clause: "config-linux.md, Seccomp",
    action: async (box) => {
      const { stderr } = await box.run(["sh", "-c", "mkdir /tmp/x; chmod 700 /tmp"], (config) => {
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
    },
  },
  "arguments decide a rule of a filter": {
    clause: "config-linux.md, Seccomp: args",
    action: async (box) => {
      const { stdout, stderr } = await box.run(
        ["sh", "-c", "hostname; kill -USR1 $$; echo alive; kill -0 1"],
        (config) => {
          config.linux["seccomp"] = {
            defaultAction: "SCMP_ACT_ALLOW",
            syscalls: [
              {
                names: ["kill"],
                action: "SCMP_ACT_ERRNO",
                args: [{ index: 1, value: 10, op: "SCMP_CMP_EQ" }],
              },
            ],
          };
        },
      );
      assert.equal(stdout, "corten\nalive\n", stderr);
    },
  },
  "every path of a hostile image stays inside": {
    clause: "config.md, Mounts: destinations are paths inside the container",
    action: async (box) => {
      const canary = join(box.directory, "canary");
      mkdirSync(canary);
      symlinkSync(canary, join(box.rootfs, "outside"));
      symlinkSync("../../../../../../..", join(box.rootfs, "up"));
      // To refuse it is as good as to make it inside.
      await box.run(["true"], (config) => {
        config.root = { path: "rootfs" };
        config.mounts.push(
          { destination: "/outside/a/b", type: "tmpfs", source: "tmpfs" },
          { destination: `/up${canary}/c`, type: "tmpfs", source: "tmpfs" },
        );
      });
      assert.deepEqual(readdirSync(canary), []);
    },
  },
  "its control group, and a read-only view of it": {
    clause: "config-linux.md, Control groups",
    places: ["root"],
    action: async (box) => {
      const text = await box.shell(
        "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; for d in pids/x x; do mkdir /sys/fs/cgroup/$d 2>/dev/null && echo made; done; true",
        (config) => {
          config.linux["resources"] = { pids: { limit: 77 } };
          config.mounts.push({
            destination: "/sys/fs/cgroup",
            type: "cgroup",
            source: "cgroup",
            options: ["ro"],
          });
        },
      );
      assert.equal(text, "77");
    },
  },
});
