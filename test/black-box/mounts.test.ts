import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { RuntimeMount } from "../../src/spec/index.ts";
import { MountSource, seenMounts } from "../support/index.ts";
import { type Box, clauses } from "./harness/index.ts";

const bind = (source: string, destination: string, ...options: readonly string[]) => ({
  destination,
  type: "bind",
  source,
  options: ["bind", ...options],
});

/** What a container's own mountinfo says of the mounts that are given. */
async function seen(box: Box, ...mounts: readonly RuntimeMount[]) {
  const { stdout, stderr, exitCode } = await box.run(["cat", "/proc/self/mountinfo"], (config) => {
    config.mounts.push(...mounts);
  });
  assert.equal(exitCode, 0, stderr);
  return seenMounts(stdout);
}

clauses("mounts", {
  "bind directories with their flags, and make what is missing": {
    clause: "config.md, Mounts: bind, ro, nosuid, noexec, nodev",
    action: async (box) => {
      const source = join(box.directory, "shared");
      mkdirSync(join(source, "inner"), { recursive: true });
      writeFileSync(join(source, "file"), "content");
      const text = await box.shell(
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
      assert.match(text, /^\/rw rw,(?:nosuid,)?nodev,noexec/m);
      readFileSync(join(source, "new"));
    },
  },
  "bind files, sockets, FIFOs and devices, on places that are made or that are there": {
    clause: "config.md, Mounts: the source is a file or directory name",
    action: async (box) => {
      const source = (name: string) => join(box.bundle, name);
      writeFileSync(source("file"), "content");
      writeFileSync(join(box.rootfs, "etc-file"), "old");
      execFileSync("mkfifo", [source("fifo")]);
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(source("socket"), resolve));
      try {
        const text = await box.shell(
          "cat /made/deep/file /etc-file; for f in /socket /fifo /zero; do stat -c %F $f; done",
          (config) => {
            config.root["readonly"] = false;
            config.mounts.push(
              bind(source("file"), "/made/deep/file"),
              bind(source("file"), "/etc-file", "ro"),
              bind(source("socket"), "/socket"),
              bind(source("fifo"), "/fifo"),
              bind("/dev/zero", "/zero"),
            );
          },
        );
        assert.equal(text, "contentcontentsocket\nfifo\ncharacter special file");
      } finally {
        server.close();
      }
    },
  },
  "relative sources are the bundle's": {
    clause: "config.md, Mounts: for bind mounts, the source is absolute or relative to the bundle",
    action: async (box) => {
      mkdirSync(join(box.bundle, "source"));
      writeFileSync(join(box.bundle, "source/file"), "content");
      assert.equal(
        await box.shell("cat /mnt/file", (config) => config.mounts.push(bind("source", "/mnt"))),
        "content",
      );
    },
  },
  "relative destinations are below the root": {
    clause: "config.md, Mounts: a relative destination is taken from / (since 1.2)",
    action: async (box) => {
      mkdirSync(join(box.bundle, "source"));
      writeFileSync(join(box.bundle, "source/file"), "content");
      const text = await box.shell("cat /one/two/file", (config) =>
        config.mounts.push(bind("source", "one/two")),
      );
      assert.equal(text, "content");
    },
  },
  "symlinks of the root are followed inside the root": {
    clause: "config.md, Mounts: destinations are paths inside the container",
    action: async (box) => {
      mkdirSync(join(box.bundle, "source"));
      writeFileSync(join(box.bundle, "source/file"), "content");
      symlinkSync("/../../real/place", join(box.rootfs, "absolute"));
      mkdirSync(join(box.rootfs, "real/place"), { recursive: true });
      const text = await box.shell("cat /real/place/file", (config) =>
        config.mounts.push(bind("source", "/absolute")),
      );
      assert.equal(text, "content");
    },
  },
  "a source that is not there is an error": {
    clause: "config.md, Mounts",
    action: (box) => box.refuses(["true"], (config) => config.mounts.push(bind("/no/such/source", "/mnt"))),
  },
  "come in their order": {
    clause: "config.md, Mounts: the runtime MUST mount entries in the listed order",
    action: async (box) => {
      for (const name of ["one", "two"]) {
        mkdirSync(join(box.bundle, name));
        writeFileSync(join(box.bundle, name, "n"), name);
      }
      const text = await box.shell("cat /place/n; ls /hidden", (config) => {
        config.mounts.push(bind("one", "/hidden/below"), bind("one", "/place"), bind("two", "/place"), {
          destination: "/hidden",
          type: "tmpfs",
          source: "tmpfs",
          options: [],
        });
      });
      assert.equal(text, "two");
    },
  },
  "a source in the root is what an earlier mount shows there": {
    clause: "config.md, Mounts: the runtime MUST mount entries in the listed order",
    action: async (box) => {
      mkdirSync(join(box.bundle, "source/deep"), { recursive: true });
      writeFileSync(join(box.bundle, "source/deep/file"), "content");
      for (const name of ["first", "second"]) mkdirSync(join(box.rootfs, name));
      const text = await box.shell("cat /second/file /third", (config) => {
        config.root["readonly"] = false;
        config.mounts.push(
          bind("source", "/first"),
          bind("rootfs/first/deep", "/second"),
          bind("rootfs/second/file", "/third"),
        );
      });
      assert.equal(text, "contentcontent");
    },
  },
  "tmpfs with size and mode, and read-only": {
    clause: "config.md, Mounts: options of the file system",
    action: async (box) => {
      const text = await box.shell(
        "stat -c %a /a; df -k /a | tail -1 | tr -s ' ' | cut -d' ' -f2; touch /c/x 2>&1 || true",
        (config) => {
          config.root = { path: "rootfs" };
          config.mounts.push(
            { destination: "/a", type: "tmpfs", source: "tmpfs", options: ["size=1m", "mode=1700"] },
            { destination: "/c", type: "tmpfs", source: "tmpfs", options: ["ro", "mode=755"] },
          );
        },
      );
      assert.match(text, /^1700\n1024\n.*Read-only/);
    },
  },
  "tmpfs with a mode has it over a directory that is there, too": {
    clause: "config.md, Mounts: options of the file system",
    action: async (box) => {
      const text = await box.shell("stat -c %a /root", (config) => {
        const options = ["mode=1770"];
        config.mounts.push({ destination: "/root", type: "tmpfs", source: "tmpfs", options });
      });
      assert.equal(text, "1770");
    },
  },
  "tmpfs without a mode has that of the directory it covers": {
    clause: "the habit of runc and crun, which images rely on for /tmp",
    action: async (box) => {
      chmodSync(join(box.rootfs, "tmp"), 0o1777);
      chmodSync(join(box.rootfs, "root"), 0o710);
      const text = await box.shell("stat -c %a /tmp /root", (config) => {
        for (const destination of ["/tmp", "/root"])
          config.mounts.push({ destination, type: "tmpfs", source: "tmpfs", options: ["nosuid"] });
      });
      assert.equal(text, "1777\n710");
    },
  },
  "bind shows a mount alone, rbind all below it": {
    clause: "config.md, Mounts: bind and rbind",
    places: ["root"],
    action: async (box) => {
      using source = new MountSource();
      const all = await seen(box, { ...bind(source.join("plain"), "/data"), options: ["rbind"] });
      assert.equal(all.has("/data/below"), true);
      const alone = await seen(box, bind(source.join("plain"), "/data"));
      assert.deepEqual([alone.has("/data"), alone.has("/data/below")], [true, false]);
    },
  },
  "flags of binds": {
    clause: "config.md, Mounts: Linux mount options",
    places: ["root"],
    action: async (box) => {
      using source = new MountSource();
      for (const flag of ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime"]) {
        const mounts = await seen(box, bind(source.join("plain"), "/data", flag));
        assert.ok(mounts.get("/data")!.options.includes(flag), flag);
      }
    },
  },
  "flags that are taken away from binds": {
    clause: "config.md, Mounts: rw, suid, dev, exec",
    places: ["root"],
    action: async (box) => {
      using source = new MountSource();
      for (const [option, flag] of [
        ["suid", "nosuid"],
        ["dev", "nodev"],
        ["exec", "noexec"],
      ] as const) {
        const mounts = await seen(box, bind(source.join("strict"), "/data", option));
        assert.equal(mounts.get("/data")!.options.includes(flag), false, option);
      }
    },
  },
  "recursive flags reach the mounts below": {
    clause: "config.md, Mounts: rro, rnosuid, rnodev, rnoexec, rnoatime (since 1.1)",
    places: ["root"],
    action: async (box) => {
      using source = new MountSource();
      for (const flag of ["ro", "nosuid", "nodev", "noexec", "noatime"]) {
        const mount = { ...bind(source.join("plain"), "/data"), options: ["rbind", `r${flag}`] };
        const mounts = await seen(box, mount);
        assert.ok(mounts.get("/data/below")!.options.includes(flag), flag);
      }
    },
  },
  "flags of new file systems": {
    clause: "config.md, Mounts: Linux mount options",
    action: async (box) => {
      const options = ["ro", "nosuid", "nodev", "noexec", "noatime", "size=64k"];
      const mounts = await seen(box, { destination: "/data", type: "tmpfs", source: "tmpfs", options });
      const { options: flags, superOptions } = mounts.get("/data")!;
      for (const name of options.slice(0, -1)) assert.ok(flags.includes(name), name);
      assert.ok(superOptions.includes("size=64k"));
    },
  },
  "an ID-mapped bind shows other owners": {
    clause: "config.md, Mounts: uidMappings and gidMappings (since 1.1)",
    places: ["root"],
    action: async (box) => {
      mkdirSync(join(box.bundle, "source"));
      const source = join(box.bundle, "source");
      const mapping = (hostID: number) => [{ containerID: 0, hostID, size: 10 }];
      const text = await box.shell("stat -c %u:%g /mnt", (config) => {
        const mount = { ...bind(source, "/mnt"), uidMappings: mapping(1000), gidMappings: mapping(2000) };
        config.mounts.push(mount);
      });
      assert.equal(text, "1000:2000");
    },
  },
  rootfsPropagation: {
    clause: "config-linux.md, Rootfs Mount Propagation",
    places: ["root"],
    action: async (box) => {
      const expected = { private: [], slave: [], shared: ["shared"], unbindable: ["unbindable"] };
      using source = new MountSource();
      execFileSync("cp", ["-a", box.rootfs, source.join("plain")]);
      // Whether a slave has a master is left open: one without gets no mounts, and gives none, either way.
      for (const [value, tags] of Object.entries(expected)) {
        const { stdout, stderr } = await box.run(["cat", "/proc/self/mountinfo"], (config) => {
          config.root["path"] = source.join("plain/rootfs");
          config.linux["rootfsPropagation"] = value;
        });
        const { propagation } = seenMounts(stdout).get("/") ?? assert.fail(stderr);
        assert.deepEqual(
          propagation.filter((tag) => tag !== "propagate_from" && tag !== "master"),
          tags,
          value,
        );
      }
    },
  },
});
