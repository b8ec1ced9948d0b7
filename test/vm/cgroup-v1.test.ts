import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { bundleConfig, temporaryDirectory } from "../support/index.ts";
import { makeShare, startVirtualMachine } from "../support/vm/index.ts";

const oci = "/corten/dist/corten-oci";
const CONTROLLERS = ["memory", "cpu,cpuacct", "cpuset", "pids", "blkio", "devices", "freezer", "hugetlb"];
const MORE = ["net_cls,net_prio", "rdma"];

/** Limits that only v1 has, or has under other names; the kernel of these machines has no real-time groups. */
const RESOURCES = {
  devices: [{ allow: false, access: "rwm" }],
  memory: {
    ...{ limit: 64 << 20, swap: 96 << 20, reservation: 32 << 20, kernel: 16 << 20, kernelTCP: 8 << 20 },
    ...{ swappiness: 7, disableOOMKiller: true },
  },
  blockIO: {
    weight: 300,
    throttleReadBpsDevice: [{ major: 254, minor: 0, rate: 1_048_576 }],
    throttleWriteIOPSDevice: [{ major: 254, minor: 0, rate: 100 }],
  },
  hugepageLimits: [{ pageSize: "2MB", limit: 4 << 20 }],
  network: { classID: 0x10001, priorities: [{ name: "lo", priority: 3 }] },
};

it("gives each limit to the controllers of v1, which tell it back", { timeout: 400_000 }, async () => {
  using scratch = temporaryDirectory("share");
  makeShare(scratch.path);
  const config = bundleConfig(["sleep", "1000"]);
  config.root = { path: "/corten/bundle/rootfs", readonly: true };
  config.linux["cgroupsPath"] = "/pods/old";
  config.linux["resources"] = RESOURCES;
  mkdirSync(join(scratch.path, "old"));
  writeFileSync(join(scratch.path, "old/config.json"), JSON.stringify(config));
  await using vm = await startVirtualMachine({ share: scratch.path });
  const mounts = [...CONTROLLERS, ...MORE].map(
    (name) => `mkdir ${name} && mount -t cgroup -o ${name} cgroup ${name}`,
  );
  await vm.output(
    `modprobe bfq; umount /sys/fs/cgroup && mount -t tmpfs cgroups /sys/fs/cgroup && cd /sys/fs/cgroup && ${mounts.join(" && ")}`,
  );
  await vm.output(`${oci} run -d -b /corten/old old </dev/null >/dev/null`);
  const knobs = [
    ...[
      "memory/memory.limit_in_bytes",
      "memory/memory.memsw.limit_in_bytes",
      "memory/memory.soft_limit_in_bytes",
    ],
    ...["memory/memory.kmem.tcp.limit_in_bytes", "memory/memory.swappiness", "blkio/blkio.bfq.weight"],
    ...["blkio/blkio.throttle.read_bps_device", "blkio/blkio.throttle.write_iops_device"],
    ...["hugetlb/hugetlb.2MB.limit_in_bytes", "hugetlb/hugetlb.2MB.rsvd.limit_in_bytes"],
    "net_cls,net_prio/net_cls.classid",
  ].map((path) => path.replace("/", "/pods/old/"));
  assert.deepEqual((await vm.output(`cd /sys/fs/cgroup; cat ${knobs.join(" ")}`)).split("\n"), [
    ...[`${64 << 20}`, `${96 << 20}`, `${32 << 20}`, `${8 << 20}`, "7", "300"],
    ...["254:0 1048576", "254:0 100", `${4 << 20}`, `${4 << 20}`, `${0x10001}`],
  ]);
  const text = await vm.output(
    `cd /sys/fs/cgroup; cat memory/pods/old/memory.oom_control net_cls,net_prio/pods/old/net_prio.ifpriomap`,
  );
  assert.match(text, /^oom_kill_disable 1$/m);
  assert.match(text, /^lo 3$/m);
  await vm.output(
    `echo '{"network":{"classID":5,"priorities":[{"name":"lo","priority":4}]},"memory":{"disableOOMKiller":false}}' |
    ${oci} update -r - old`,
  );
  const refused = await vm.run(
    `echo '{"network":{"classID":9,"priorities":[{"name":"none0","priority":4}]},"memory":{"swappiness":9}}' |
    ${oci} update -r - old`,
  );
  assert.notEqual(refused.exitCode, 0);
  assert.match(refused.stdout, /network\/priorities\/0: cannot write "none0 4"/);
  assert.equal(
    await vm.output(
      `cd /sys/fs/cgroup; cat net_cls,net_prio/pods/old/net_cls.classid memory/pods/old/memory.swappiness
      grep lo net_cls,net_prio/pods/old/net_prio.ifpriomap; ${oci} pause old; ${oci} resume old; ${oci} delete -f old`,
    ),
    "5\n7\nlo 4",
  );
});
