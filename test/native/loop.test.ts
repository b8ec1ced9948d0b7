import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isRoot, temporaryDirectory } from "../support/index.ts";
import { builds, type Draft, foreground, Kernel, makeBuilds, runPlan, shell } from "./executor.ts";
import { writeImage } from "./small-image.ts";

makeBuilds("all", "asan");

for (const { name, init } of builds) {
  describe(`images on kernels before 6.12, ${name}`, { skip: !isRoot }, () => {
    test("are mounted through loop devices, which go with their mounts", async () => {
      using scratch = temporaryDirectory("loop");
      const images = ["one", "two"].map((image) => join(scratch.path, `${image}.erofs`));
      for (const image of images) await writeImage(image, `${image}\n`);
      const mounted = images.flatMap((file, index): Draft[] => [
        { op: "openFilesystem", out: "$fs", type: "erofs" },
        { op: "attachLoop", out: `$loop`, fs: "$fs", file },
        { op: "configure", fs: "$fs", key: "ro" },
        { op: "createMount", out: "$mount", fs: "$fs", attributes: Kernel.MOUNT_ATTR_RDONLY },
        { op: "close", fd: "$loop" },
        { op: "makeDirectory", path: join(scratch.path, `${index}`) },
        { op: "open", out: "$at", path: join(scratch.path, `${index}`), flags: Kernel.O_PATH },
        { op: "moveMount", from: "$mount", to: "$at" },
      ]);
      const result = runPlan(init, scratch.path, {
        host: foreground({ flags: Kernel.CLONE_NEWNS }),
        container: [
          { op: "open", out: "$/", path: "/", flags: Kernel.O_PATH },
          { op: "setMountAttributes", target: "$/", recursive: 1, propagation: Kernel.MS_PRIVATE },
          ...mounted,
          ...shell(
            `cat ${scratch.path}/0/file ${scratch.path}/1/file; losetup -n -O RO,AUTOCLEAR -j ${images[0]}`,
          ),
        ],
      });
      assert.equal(result.failure, undefined);
      assert.match(result.stdout.replaceAll(/ +/g, " "), /^.*one\.erofs\n.*two\.erofs\n ?1 1\n$/);
      const left = execFileSync("losetup", ["-n", "-O", "BACK-FILE"], { encoding: "utf8" });
      assert.equal(left.includes(scratch.path), false);
    });

    test("tell which file is missing", () => {
      using scratch = temporaryDirectory("loop");
      const result = runPlan(init, scratch.path, {
        host: [
          { op: "openFilesystem", out: "$fs", type: "erofs" },
          { op: "attachLoop", out: "$loop", fs: "$fs", file: join(scratch.path, "none") },
        ],
      });
      assert.match(result.failure!.message, /^openat\(AT_FDCWD, ".*none"\): ENOENT$/);
    });
  });
}
