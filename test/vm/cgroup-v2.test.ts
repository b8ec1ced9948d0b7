import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type BundleConfig, bundleConfig, temporaryDirectory } from "../support/index.ts";
import { makeShare, startVirtualMachine, type VirtualMachine } from "../support/vm/index.ts";

const timeout = 400_000;
const oci = "/corten/dist/corten-oci";

const LIMITS = {
  memory: { limit: 64 << 20, swap: 96 << 20, reservation: 32 << 20, checkBeforeUpdate: true },
  cpu: { shares: 512, quota: 20_000, period: 50_000, burst: 10_000, cpus: "0", mems: "0" },
  pids: { limit: 77 },
  blockIO: {
    weight: 500,
    throttleReadBpsDevice: [{ major: 254, minor: 0, rate: 1_048_576 }],
    throttleWriteIOPSDevice: [{ major: 254, minor: 0, rate: 100 }],
  },
  hugepageLimits: [{ pageSize: "2MB", limit: 4 << 20 }],
  unified: { "memory.high": `${60 << 20}`, "memory.oom.group": "1" },
};

describe("cgroup v2 in a virtual machine", () => {
  const scratch = temporaryDirectory("share");
  let vm: VirtualMachine;

  /** A bundle below /corten, as a folder beside the shared root. */
  const bundle = (name: string, args: readonly string[], change: (config: BundleConfig) => void) => {
    const config = bundleConfig(args);
    config.root = { path: "/corten/bundle/rootfs", readonly: true };
    change(config);
    mkdirSync(join(scratch.path, name), { recursive: true });
    writeFileSync(join(scratch.path, name, "config.json"), JSON.stringify(config));
  };
  const run = (name: string, id: string) =>
    vm.output(`${oci} run -d -b /corten/${name} ${id} </dev/null >/dev/null`);
  const knobs = async (path: string, names: readonly string[]) =>
    (await vm.output(`cd /sys/fs/cgroup/${path} && for f in ${names.join(" ")}; do cat $f; echo --; done`))
      .split("--\n")
      .map((text) => text.replace(/--$/, "").trimEnd());

  before(
    async () => {
      makeShare(scratch.path);
      bundle("limits", ["sleep", "1000"], (config) => {
        config.linux["cgroupsPath"] = "/pods/limits";
        config.linux["resources"] = LIMITS;
      });
      bundle("idle", ["sleep", "1000"], (config) => {
        config.linux["resources"] = { cpu: { idle: 1 } };
      });
      bundle("plain", ["sh", "-c", "sleep 1000 & sleep 1000"], (config) => {
        config.linux["cgroupsPath"] = "/t/plain";
      });
      bundle("own", ["sh", "-c", "mkdir /sys/fs/cgroup/x && ls /sys/fs/cgroup"], (config) => {
        (config.linux["namespaces"] as unknown[]).push({ type: "cgroup" });
        config.mounts.push({
          destination: "/sys/fs/cgroup",
          type: "cgroup",
          source: "cgroup",
          options: ["rw"],
        });
      });
      const look =
        "mkdir /sys/fs/cgroup/x && echo 0 > /sys/fs/cgroup/x/cgroup.procs && stat -c %u /sys/fs/cgroup";
      bundle("delegated", ["sh", "-c", `${look}; echo 1 > /sys/fs/cgroup/memory.max`], (config) => {
        (config.linux["namespaces"] as unknown[]).push({ type: "cgroup" }, { type: "user" });
        const mapping = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
        Object.assign(config.linux, { uidMappings: mapping, gidMappings: mapping });
        config.mounts.push({
          destination: "/sys/fs/cgroup",
          type: "cgroup",
          source: "cgroup",
          options: ["rw"],
        });
      });
      vm = await startVirtualMachine({ share: scratch.path });
      // io.bfq.weight appears with this module, io.max by a device.
      await vm.output("modprobe bfq; ls /sys/fs/cgroup");
    },
    { timeout },
  );
  after(async () => {
    await vm?.[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });

  it("gives each limit to the kernel, which tells it back", { timeout }, async () => {
    await run("limits", "limits");
    const names = [
      ...["memory.max", "memory.swap.max", "memory.low", "memory.high", "memory.oom.group"],
      ...["cpu.weight", "cpu.max", "cpu.max.burst", "cpuset.cpus", "cpuset.mems", "pids.max"],
      ...["io.bfq.weight", "io.max", "hugetlb.2MB.max", "hugetlb.2MB.rsvd.max"],
    ];
    assert.deepEqual(await knobs("pods/limits", names), [
      ...[`${64 << 20}`, `${32 << 20}`, `${32 << 20}`, `${60 << 20}`, "1"],
      ...["59", "20000 50000", "10000", "0", "0", "77"],
      ...["default 500", "254:0 rbps=1048576 wbps=max riops=max wiops=100", `${4 << 20}`, `${4 << 20}`],
    ]);
    assert.match(
      await vm.output("cat /sys/fs/cgroup/pods/cgroup.subtree_control"),
      /cpuset cpu io memory hugetlb pids/,
    );
    await vm.output(`${oci} delete -f limits`);
    assert.equal(await vm.output("ls -d /sys/fs/cgroup/pods/limits 2>/dev/null || true"), "");
  });

  it("puts a group without a path beside the caller's own, and takes cpu.idle", { timeout }, async () => {
    await run("idle", "idle");
    assert.deepEqual(await knobs("idle", ["cpu.idle", "cpu.weight"]), ["1", "0"]);
    await vm.output(`${oci} delete -f idle`);
  });

  it("updates limits, all or none, and tells statistics and out-of-memory kills", { timeout }, async () => {
    await run("limits", "changing");
    const update = (words: string) => vm.output(`${oci} update ${words} changing`);
    await update("--memory 32m --memory-swap 40m --cpu-quota 70000 --cpu-period 100000 --pids-limit 30");
    await update("--cpu-share 1024 --cpu-burst 500 --blkio-weight 20 --memory-reservation -1");
    await vm.output(
      `echo '{"blockIO":{"throttleReadBpsDevice":[{"major":254,"minor":0,"rate":4096}]},"unified":{"memory.high":"max"}}' |
      ${oci} update -r - changing`,
    );
    const names = [
      ...[
        "memory.max",
        "memory.swap.max",
        "memory.low",
        "memory.high",
        "cpu.max",
        "cpu.max.burst",
        "cpu.weight",
      ],
      ...["pids.max", "io.bfq.weight", "io.max"],
    ];
    const wanted = [
      ...[`${32 << 20}`, `${8 << 20}`, "max", "max", "70000 100000", "500", "100"],
      ...["30", "default 20", "254:0 rbps=4096 wbps=max riops=max wiops=100"],
    ];
    assert.deepEqual(await knobs("pods/limits", names), wanted);
    const { exitCode, stdout } = await vm.run(
      `echo '{"memory":{"limit":50000000,"swap":60000000},"pids":{"limit":5},"cpu":{"cpus":"77","shares":3},
      "blockIO":{"weight":900,"throttleWriteBpsDevice":[{"major":254,"minor":0,"rate":9}]}}' | ${oci} update -r - changing`,
    );
    assert.notEqual(exitCode, 0);
    assert.match(stdout, /cpu\/cpus: cannot write "77" to .*cpuset\.cpus/);
    assert.deepEqual(await knobs("pods/limits", names), wanted);
    const usage = await vm.run(`${oci} update --memory 8k --memory-swap -1 changing`);
    assert.match(usage.stdout, /8192 is below what the container uses/);

    const { data } = JSON.parse(await vm.output(`${oci} events --stats changing`));
    assert.equal(data.memory.usage.limit, 32 << 20);
    assert.ok(data.memory.usage.usage > 0 && data.cpu.usage.total > 0 && data.pids.current === 1);
    assert.equal(data.pids.limit, 30);
    assert.deepEqual(data.cpuset.cpus, [0]);
    await vm.output(
      `${oci} events --interval 300ms changing > /tmp/events & sleep 1.5
      ${oci} update --memory-swap 32m changing; ${oci} exec changing tail /dev/zero
      sleep 0.5; ${oci} delete -f changing; wait; grep -q '"type":"stats"' /tmp/events && grep -q '"type":"oom"' /tmp/events`,
    );
  });

  it("freezes, thaws and kills whole groups", { timeout }, async () => {
    await run("plain", "plain");
    const status = async () => JSON.parse(await vm.output(`${oci} state plain`)).status as string;
    await vm.output(`${oci} pause plain`);
    assert.equal(await status(), "paused");
    assert.match(await vm.output("cat /sys/fs/cgroup/t/plain/cgroup.events"), /frozen 1/);
    await vm.output(`${oci} resume plain`);
    assert.equal(await status(), "running");
    await vm.output(`${oci} kill --all plain KILL; sleep 0.3`);
    assert.equal(await status(), "stopped");
    assert.match(await vm.output("cat /sys/fs/cgroup/t/plain/cgroup.events"), /populated 0/);
    await vm.output(`${oci} delete plain`);
  });

  it("refuses groups that no process can enter, saying why", { timeout }, async () => {
    const refused = async (prepare: string) => {
      const { stdout, exitCode } = await vm.run(
        `${prepare}; ${oci} run -d -b /corten/plain plain </dev/null; status=$?; ${oci} delete -f plain
        rmdir /sys/fs/cgroup/t/plain /sys/fs/cgroup/t 2>/dev/null; exit $status`,
      );
      assert.notEqual(exitCode, 0);
      return stdout;
    };
    const make = "rmdir /sys/fs/cgroup/t 2>/dev/null; mkdir -p /sys/fs/cgroup/t";
    assert.match(
      await refused(`${make}; echo threaded > /sys/fs/cgroup/t/cgroup.type`),
      /of the type "threaded"/,
    );
    assert.match(
      await refused(`${make}/plain; echo 1 > /sys/fs/cgroup/t/plain/cgroup.freeze`),
      /unexpectedly frozen: .*t\/plain/,
    );
    const busy = "sleep 5 & echo $! > /sys/fs/cgroup/t/plain/cgroup.procs";
    assert.match(await refused(`${make}/plain; ${busy}`), /cgroup is not empty/);
    await vm.output("while [ -s /sys/fs/cgroup/t/plain/cgroup.procs ]; do sleep 0.2; done");
  });

  it("shows the container its own group in a cgroup namespace", { timeout }, async () => {
    const text = await vm.output(`${oci} run -b /corten/own own </dev/null`);
    assert.match(text, /^x$/m);
    assert.match(text, /cgroup\.procs/);
  });

  it("gives the group, but not its limits, to the container's root in a user namespace", {
    timeout,
  }, async () => {
    const { exitCode, stdout } = await vm.run(`${oci} run -b /corten/delegated delegated </dev/null`);
    assert.match(stdout, /^0$/m, stdout);
    assert.match(stdout, /memory\.max: Permission denied/);
    assert.notEqual(exitCode, 0);
  });
});
