import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type BundleConfig, bundleConfig, temporaryDirectory } from "../support/index.ts";
import { makeShare, startVirtualMachine, type VirtualMachine } from "../support/vm/index.ts";

const timeout = 400_000;
const oci = "/corten/dist/corten-oci --systemd-cgroup";

describe("the systemd cgroup manager", () => {
  const scratch = temporaryDirectory("share");
  let vm: VirtualMachine;
  const bundle = (name: string, args: readonly string[], change: (config: BundleConfig) => void) => {
    const config = bundleConfig(args);
    config.root = { path: "/corten/bundle/rootfs", readonly: true };
    change(config);
    mkdirSync(join(scratch.path, name), { recursive: true });
    writeFileSync(join(scratch.path, name, "config.json"), JSON.stringify(config));
  };
  const show = async (unit: string, ...names: string[]) =>
    Object.fromEntries(
      (await vm.output(`systemctl show ${unit} ${names.map((name) => `-p ${name}`).join(" ")}`))
        .split("\n")
        .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    );

  before(
    async () => {
      makeShare(scratch.path);
      bundle("limits", ["sleep", "1000"], (config) => {
        config["annotations"] = { "org.systemd.property.TimeoutStopSec": "uint64 7" };
        config.linux["cgroupsPath"] = "test-pods.slice:ct:limits";
        config.linux["resources"] = {
          devices: [{ allow: false, access: "rwm" }],
          memory: { limit: 64 << 20, swap: 96 << 20 },
          cpu: { shares: 512, quota: 20_000, period: 50_000, cpus: "0" },
          pids: { limit: 77 },
        };
      });
      bundle("plain", ["sh", "-c", "cat /proc/self/cgroup"], () => undefined);
      bundle("wrong", ["true"], (config) => {
        config.linux["cgroupsPath"] = "/not/for/systemd";
      });
      bundle("fails", ["no-such-program"], (config) => {
        config.linux["cgroupsPath"] = ":ct:fails";
      });
      vm = await startVirtualMachine({ share: scratch.path, systemd: true });
    },
    { timeout },
  );
  after(async () => {
    await vm?.[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });

  it("makes a scope with the limits, which last over a reload", { timeout }, async () => {
    await vm.output(`${oci} run -d -b /corten/limits limits </dev/null >/dev/null`);
    const unit = "ct-limits.scope";
    const names = [
      "ActiveState",
      "Slice",
      "ControlGroup",
      "MemoryMax",
      "MemorySwapMax",
      "CPUWeight",
      "TasksMax",
    ];
    assert.deepEqual(await show(unit, ...names, "Delegate", "TimeoutStopUSec", "CPUQuotaPerSecUSec"), {
      ...{ ActiveState: "active", Slice: "test-pods.slice", Delegate: "yes" },
      ControlGroup: "/test.slice/test-pods.slice/ct-limits.scope",
      ...{ MemoryMax: `${64 << 20}`, MemorySwapMax: `${32 << 20}`, CPUWeight: "59", TasksMax: "77" },
      ...{ TimeoutStopUSec: "7s", CPUQuotaPerSecUSec: "400ms" },
    });
    await vm.output("systemctl daemon-reload");
    const group = "/sys/fs/cgroup/test.slice/test-pods.slice/ct-limits.scope";
    assert.equal(
      await vm.output(`cd ${group}; cat memory.max memory.swap.max cpu.weight cpu.max pids.max cpuset.cpus`),
      [64 << 20, 32 << 20, 59, "20000 50000", 77, 0].join("\n"),
    );
    const state = JSON.parse(await vm.output(`${oci} state limits`));
    assert.equal(
      await vm.output(`cat ${group}/cgroup.procs`),
      `${state.pid}`,
      "the holder of the place has gone",
    );
    const look = "for f in null zero kmsg; do true < /dev/$f && echo $f; done 2>/dev/null; true";
    assert.equal(await vm.output(`${oci} exec limits sh -c '${look}'`), "null\nzero");
  });

  it("updates both systemd and the group", { timeout }, async () => {
    await vm.output(`${oci} update --memory 32m --memory-swap 32m --pids-limit 40 --cpu-share 1024 limits`);
    assert.deepEqual(await show("ct-limits.scope", "MemoryMax", "MemorySwapMax", "TasksMax", "CPUWeight"), {
      ...{ MemoryMax: `${32 << 20}`, MemorySwapMax: "0", TasksMax: "40", CPUWeight: "100" },
    });
    assert.equal(
      await vm.output(
        "cd /sys/fs/cgroup/test.slice/test-pods.slice/ct-limits.scope; cat memory.max pids.max",
      ),
      `${32 << 20}\n40`,
    );
  });

  it("refuses a unit that runs, and takes the name again after the container", { timeout }, async () => {
    const { exitCode, stdout } = await vm.run(`${oci} run -d -b /corten/limits other </dev/null`);
    assert.notEqual(exitCode, 0);
    assert.match(stdout, /systemd does not start the unit ct-limits\.scope: .*UnitExists/);
    assert.match((await vm.run(`${oci} state other`)).stdout, /container does not exist/);
    await vm.output(`${oci} delete -f limits; sleep 0.5`);
    assert.equal((await show("ct-limits.scope", "ActiveState"))["ActiveState"], "inactive");
    await vm.output(`${oci} create -b /corten/limits limits </dev/null >/dev/null && ${oci} start limits`);
    await vm.output(`${oci} delete -f limits; sleep 0.5`);
    assert.equal(await vm.output("systemctl list-units --all --no-legend 'ct-*' | cat"), "");
  });

  it("runs in the foreground in a scope of its own by default, and leaves nothing", { timeout }, async () => {
    assert.equal(
      await vm.output(`${oci} run -b /corten/plain plain </dev/null; sleep 0.3`),
      "0::/system.slice/corten-plain.scope",
    );
    assert.match(
      (await vm.run(`${oci} run -b /corten/wrong wrong </dev/null`)).stdout,
      /must be SLICE:PREFIX:NAME/,
    );
    assert.match((await vm.run(`${oci} run -b /corten/fails fails </dev/null`)).stdout, /no-such-program/);
    await vm.output("sleep 0.5");
    assert.equal(await vm.output("systemctl list-units --all --no-legend 'ct-*' 'corten-*' | cat"), "");
    assert.equal(await vm.output("cat /proc/[0-9]*/comm | grep -c corten || true"), "0");
  });
});
