import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { isRoot, temporaryDirectory } from "../support/index.ts";
import {
  builds,
  type Draft,
  foreground,
  Kernel,
  makeBuilds,
  readFailure,
  shell,
  writePlan,
} from "./executor.ts";

makeBuilds("all", "asan");

const MOUNT_ATTR_NOEXEC = 8;

for (const { name, init } of builds) {
  describe(`mounts of a more privileged user namespace, ${name}`, { skip: !isRoot }, () => {
    /** Binds a mount that the user namespace must leave read-only and nosuid, with `attributes` changed. */
    function bindLocked(scratch: string, attributes: Partial<Draft>) {
      const plan = writePlan(scratch, {
        host: foreground({ flags: Kernel.CLONE_NEWNS }),
        container: [
          { op: "openTree", out: "$tree", path: `${scratch}/locked`, flags: Kernel.OPEN_TREE_CLONE },
          { op: "setMountAttributes", target: "$tree", ...attributes },
          { op: "open", out: "$at", path: "/mnt", flags: Kernel.O_PATH },
          { op: "moveMount", from: "$tree", to: "$at" },
          ...shell("grep ' /mnt ' /proc/self/mountinfo | tail -n 1 | cut -d' ' -f6"),
        ],
      });
      const script = `mkdir ${scratch}/locked && mount -t tmpfs -o ro,nosuid corten-test ${scratch}/locked &&
        exec unshare --user --map-root-user --mount "$0" "$1"`;
      const { stdout } = spawnSync("unshare", ["--mount", "sh", "-c", script, init, plan], {
        encoding: "utf8",
        env: { ...process.env, ASAN_OPTIONS: "detect_leaks=0:exitcode=99" },
      });
      return { stdout, failure: readFailure(scratch) };
    }

    test("keep their flags when others are added", () => {
      using scratch = temporaryDirectory("locked");
      const { stdout, failure } = bindLocked(scratch.path, { set: MOUNT_ATTR_NOEXEC });
      assert.deepEqual([stdout, failure], ["ro,nosuid,noexec,relatime\n", undefined]);
    });

    test("are covered where a moved root would leave a procfs that cannot be unmounted", () => {
      using scratch = temporaryDirectory("locked");
      const links = ["bin", "lib", "lib64"].map(
        (path): Draft => ({ op: "makeSymlink", dir: "$root", path, target: `usr/${path}` }),
      );
      const plan = writePlan(scratch.path, {
        host: foreground({ flags: Kernel.CLONE_NEWNS | Kernel.CLONE_NEWPID }),
        container: [
          { op: "openFilesystem", out: "$fs", type: "tmpfs" },
          { op: "createMount", out: "$root", fs: "$fs" },
          { op: "open", out: "$at", path: scratch.path, flags: Kernel.O_PATH },
          { op: "moveMount", from: "$root", to: "$at" },
          ...links,
          { op: "makeDirectory", dir: "$root", path: "p" },
          { op: "resolve", out: "$usr", root: "$root", path: "usr", create: 1 },
          { op: "openTree", out: "$host usr", path: "/usr", flags: Kernel.OPEN_TREE_CLONE },
          { op: "moveMount", from: "$host usr", to: "$usr" },
          { op: "moveRoot", root: "$root" },
          ...shell("echo moved; unshare --user --mount --pid --fork --mount-proc=/p echo mounted"),
        ],
      });
      const within = ["--user", "--map-root-user", "--mount", "--pid", "--fork", init, plan];
      const { stdout, stderr } = spawnSync("unshare", within, { encoding: "utf8" });
      assert.deepEqual([stdout, readFailure(scratch.path)], ["moved\n", undefined]);
      assert.match(stderr, /mount \/p failed: Operation not permitted/);
    });

    test("do not lose them, which is told", () => {
      using scratch = temporaryDirectory("locked");
      const { stdout, failure } = bindLocked(scratch.path, { clear: Kernel.MOUNT_ATTR_RDONLY });
      assert.equal(stdout, "");
      assert.match(failure!.message, /^mount_setattr\(.*clear 0x1.*\): EPERM$/);
    });
  });
}
