import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import { makeBusyboxImage, temporaryDirectory } from "../support/index.ts";
import { makeShare, startVirtualMachine } from "../support/vm/index.ts";

/** The first machine of all waits for debootstrap and the kernel's package. */
const timeout = 400_000;

/** Linux 6.1 mounts EROFS from loop devices alone, and knows no detached layers of overlay. */
it("layers are mounted once for all containers by loop devices, too", { timeout }, async () => {
  using scratch = temporaryDirectory("share");
  makeShare(scratch.path);
  const archive = join(scratch.path, "busybox.tar");
  await makeBusyboxImage(archive, "corten-test/busybox:1");
  await using vm = await startVirtualMachine({ share: scratch.path });
  const corten = "/corten/dist/corten";
  await vm.output("modprobe -a loop erofs overlay");
  await vm.output(`${corten} load -q -i /corten/busybox.tar`, { timeoutMs: 60_000 });
  const run = `${corten} run --rm --network none corten-test/busybox:1`;
  for (let n = 0; n < 2; n++) {
    assert.equal(await vm.output(`${run} sh -c 'grep -c erofs /proc/mounts; echo in'`), "0\nin");
  }
  assert.equal(await vm.output("grep -c nsfs /proc/mounts"), "1");
  const attached = "cat /sys/block/loop*/loop/backing_file 2>/dev/null | wc -l";
  assert.equal(await vm.output(attached), "1");
  await vm.output(`${corten} system release`);
  assert.equal((await vm.run("grep -c nsfs /proc/mounts")).stdout, "0\n");
  assert.equal(await vm.output(attached), "0");
});
