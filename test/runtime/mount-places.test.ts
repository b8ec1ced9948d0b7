import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isRoot, MountSource, seenMounts } from "../support/index.ts";
import { Containers } from "./containers.ts";

const bind = (source: string, destination: string, ...options: readonly string[]) => ({
  destination,
  type: "bind",
  source,
  options: ["bind", ...options],
});

describe("mounts", { skip: !isRoot }, () => {
  test("follow symlinks of the root inside the root, and take relative destinations from /", async () => {
    await using containers = new Containers();
    const rootfs = join(containers.bundle, "rootfs");
    const source = join(containers.bundle, "source");
    mkdirSync(source);
    writeFileSync(join(source, "file"), "content");
    symlinkSync("/../../real/place", join(rootfs, "absolute"));
    symlinkSync("nowhere/yet", join(rootfs, "dangling"));
    const shown = await containers.shell(
      "cat /real/place/file /nowhere/yet/file /relative/one/file",
      (config) => {
        config.mounts.push(
          bind(source, "/absolute"),
          bind(source, "/dangling"),
          bind("source", "relative/one"),
        );
      },
    );
    assert.equal(shown, "contentcontentcontent");
  });

  test("copy a symlink, bind one as such, and cover one, as crun's options have it", async () => {
    await using containers = new Containers();
    const rootfs = join(containers.bundle, "rootfs");
    const link = join(containers.bundle, "link");
    symlinkSync("target of the host", link);
    symlinkSync("/bin", join(rootfs, "covered"));
    const shown = await containers.shell(
      "readlink /a/copied; readlink /covered; cat /file; ls /bin/cat",
      (config) => {
        config.mounts.push(
          bind(link, "/a/copied", "copy-symlink"),
          bind(link, "/covered", "src-nofollow", "dest-nofollow"),
          // Not a symlink: it is bound as ever.
          bind("config", "/file", "copy-symlink"),
        );
        writeFileSync(join(containers.bundle, "config"), "content\n");
      },
    );
    assert.equal(shown, "target of the host\ntarget of the host\ncontent\n/bin/cat");
    assert.equal(readlinkSync(join(rootfs, "covered")), "/bin");
  });

  test("come in their order, and may be many", async () => {
    await using containers = new Containers();
    const count = 150;
    for (let n = 0; n < count; n++) {
      mkdirSync(join(containers.bundle, `s${n}`));
      writeFileSync(join(containers.bundle, `s${n}/n`), `${n}`);
    }
    const shown = await containers.shell(
      "cat /last/n; echo; cat /in/0/n; echo; cat /in/149/n; echo; ls /hidden",
      (config) => {
        config.mounts.push(bind("s1", "/hidden/below"));
        for (let n = 0; n < count; n++) config.mounts.push(bind(`s${n}`, `/in/${n}`), bind(`s${n}`, "/last"));
        config.mounts.push({ destination: "/hidden", type: "tmpfs", source: "tmpfs", options: [] });
      },
    );
    assert.equal(shown, "149\n0\n149");
  });

  test("a new file system takes its propagation from the option", async () => {
    await using containers = new Containers();
    const shown = await containers.run(["/bin/cat", "/proc/self/mountinfo"], (config) => {
      for (const name of ["shared", "rslave", "unbindable", "private"]) {
        config.mounts.push({ destination: `/${name}`, type: "tmpfs", source: "tmpfs", options: [name] });
      }
    });
    const seen = seenMounts(shown.stdout);
    const tags = ["shared", "rslave", "unbindable", "private"].map(
      (name) => seen.get(`/${name}`)!.propagation,
    );
    assert.deepEqual(tags, [["shared"], [], ["unbindable"], []]);
  });
});

describe("rootfsPropagation", { skip: !isRoot }, () => {
  const expected = {
    "": ["master"],
    private: [],
    slave: ["master"],
    shared: ["shared"],
    unbindable: ["unbindable"],
  } as const;
  for (const [name, tags] of Object.entries(expected)) {
    for (const value of name === "" ? [""] : [name, `r${name}`]) {
      test(`"${value}"`, async () => {
        await using containers = new Containers();
        using source = new MountSource();
        execFileSync("cp", ["-a", join(containers.bundle, "rootfs"), source.join("plain")]);
        const shown = await containers.run(["/bin/cat", "/proc/self/mountinfo"], (config) => {
          config.root.path = source.join("plain/rootfs");
          config.linux.rootfsPropagation = value;
          config.mounts.push(bind(source.join("plain"), "/data"));
        });
        assert.deepEqual([shown.exitCode, shown.stderr], [0, ""]);
        const seen = seenMounts(shown.stdout);
        assert.deepEqual(
          seen.get("/")!.propagation.filter((tag) => tag !== "propagate_from"),
          tags,
        );
        const table = execFileSync("cat", ["/proc/self/mountinfo"], { encoding: "utf8" });
        assert.equal(table.includes(source.join("plain/rootfs")), false, "a mount reached the host");
      });
    }
  }
});
