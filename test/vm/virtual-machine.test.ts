import assert from "node:assert/strict";
import { it } from "node:test";
import { temporaryDirectory } from "../support/index.ts";
import { makeShare, startVirtualMachine } from "../support/vm/index.ts";

/** The first machine of all waits for debootstrap and the kernel's package. */
const timeout = 400_000;

it("boots with cgroup v2 alone, runs commands and tells their status", { timeout }, async () => {
  using scratch = temporaryDirectory("share");
  makeShare(scratch.path);
  await using vm = await startVirtualMachine({ share: scratch.path });
  const { exitCode, stdout } = await vm.run(
    "echo out; echo error >&2; printf '\\000\\377' | od -An -tx1; exit 7",
  );
  assert.deepEqual([exitCode, stdout], [7, "out\nerror\n 00 ff\n"]);
  assert.match(
    await vm.output("cat /sys/fs/cgroup/cgroup.controllers"),
    /cpuset cpu io memory hugetlb pids rdma/,
  );
  assert.match(await vm.output("/corten/dist/corten-oci --version"), /corten-oci version/);
  await assert.rejects(vm.output("sleep 5", { timeoutMs: 200 }), /no answer within 200 ms/);
});

it("boots with systemd as PID 1", { timeout }, async () => {
  using scratch = temporaryDirectory("share");
  await using vm = await startVirtualMachine({ share: scratch.path, systemd: true });
  assert.equal(
    await vm.output("cat /proc/1/comm; systemctl is-active dbus vm-agent"),
    "systemd\nactive\nactive",
  );
});
