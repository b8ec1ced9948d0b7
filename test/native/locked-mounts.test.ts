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

    test("do not lose them, which is told", () => {
      using scratch = temporaryDirectory("locked");
      const { stdout, failure } = bindLocked(scratch.path, { clear: Kernel.MOUNT_ATTR_RDONLY });
      assert.equal(stdout, "");
      assert.match(failure!.message, /^mount_setattr\(.*clear 0x1.*\): EPERM$/);
    });
  });
}
