import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readCgroupFacts } from "../../host/index.ts";
import type { RuntimeResources } from "../../spec/index.ts";
import { ancestry, planCgroups } from "./layout.ts";
import { cgroupLimits } from "./limits.ts";
import { cpuWeight, ioWeight } from "./limits-v2.ts";

const mount = (type: string, mountpoint: string, ...superOptions: string[]) => ({
  id: 1,
  parent: 0,
  root: "/",
  mountpoint,
  options: [],
  shared: false,
  type,
  source: "cgroup",
  superOptions,
});

const v1 = planCgroups(
  readCgroupFacts(
    "4:devices:/\n3:memory:/a\n2:cpu,cpuacct:/\n1:pids:/\n",
    ["devices", "memory", "pids"]
      .map((name) => mount("cgroup", `/c/${name}`, name))
      .concat(mount("cgroup", "/c/cpu,cpuacct", "cpu", "cpuacct")),
  ),
  undefined,
  "box",
);
const v2 = planCgroups(readCgroupFacts("0::/me\n", [mount("cgroup2", "/c")]), "/pods/box", "box");

const writes = (plan: typeof v1, resources: RuntimeResources) =>
  cgroupLimits(plan, resources).writes.map(({ file, data }) => `${file}=${data}`);

describe("cgroup layout", () => {
  it("counts absolute paths from the mount point and others from our own group", () => {
    assert.deepEqual(
      v1.groups.map(({ path }) => path),
      ["/c/devices/box", "/c/memory/a/box", "/c/cpu,cpuacct/box", "/c/pids/box"],
    );
    assert.equal(v2.groups[0]?.path, "/c/pods/box");
    const deep = readCgroupFacts("0::/user/me\n", [mount("cgroup2", "/c")]);
    assert.equal(planCgroups(deep, undefined, "box").groups[0]?.path, "/c/user/box", "beside us on v2");
    assert.deepEqual(ancestry(v2.groups[0]!), ["/c/pods", "/c/pods/box"]);
  });

  it("refuses to leave the hierarchy", () => {
    const facts = readCgroupFacts("0::/\n", [mount("cgroup2", "/c")]);
    assert.throws(() => planCgroups(facts, "/a/../../etc", "box"), { pointer: "/linux/cgroupsPath" });
  });

  it("never takes a group that holds more than the container", () => {
    const facts = readCgroupFacts("0::/user/me\n", [mount("cgroup2", "/c")]);
    for (const path of ["/", "//", ".", "/.", "/user", "/user/", "/user/me", "./"]) {
      assert.throws(() => planCgroups(facts, path, "box"), { pointer: "/linux/cgroupsPath" }, path);
    }
    assert.equal(planCgroups(facts, "/user/me/x/", "box").groups[0]?.path, "/c/user/me/x");
  });
});

describe("limits on cgroup v1", () => {
  it("denies all devices first, whatever the rules", () => {
    const [first, second] = writes(v1, {});
    assert.deepEqual(
      [first, second],
      ["/c/devices/box/devices.deny=a", "/c/devices/box/devices.allow=c *:* m"],
    );
    const rules = writes(v1, {
      devices: [
        { allow: true, type: "c", major: 10, minor: 229, access: "rw" },
        { allow: false, access: "rwm" },
        { allow: true, type: "b", major: 8, access: "r" },
      ],
    });
    assert.equal(rules[0], "/c/devices/box/devices.deny=a");
    assert.equal(rules[1], "/c/devices/box/devices.allow=b 8:* r");
    assert.ok(
      !rules.some((line) => line.includes("10:229")),
      "a rule before the last universal one counts for nothing",
    );
  });

  it("allows all only for a rule that says so last", () => {
    assert.deepEqual(writes(v1, { devices: [{ allow: false }, { allow: true, access: "rwm" }] }), [
      "/c/devices/box/devices.allow=a",
    ]);
    assert.equal(
      writes(v1, { devices: [{ allow: true }, { allow: false }] })[0],
      "/c/devices/box/devices.deny=a",
    );
  });

  it("writes memory, cpu and pids in an order that the kernel takes", () => {
    const all = writes(v1, {
      memory: { limit: 100, swap: 200, reservation: 50, swappiness: 0, disableOOMKiller: true },
      cpu: { shares: 2, quota: -1, period: 1000, realtimePeriod: 5, realtimeRuntime: 4 },
      pids: { limit: -1 },
    }).filter((line) => !line.includes("devices"));
    assert.deepEqual(all, [
      "/c/memory/a/box/memory.limit_in_bytes=100",
      "/c/memory/a/box/memory.memsw.limit_in_bytes=200",
      "/c/memory/a/box/memory.soft_limit_in_bytes=50",
      "/c/memory/a/box/memory.swappiness=0",
      "/c/memory/a/box/memory.oom_control=1",
      "/c/cpu,cpuacct/box/cpu.shares=2",
      "/c/cpu,cpuacct/box/cpu.rt_period_us=5",
      "/c/cpu,cpuacct/box/cpu.rt_runtime_us=4",
      "/c/cpu,cpuacct/box/cpu.cfs_period_us=1000",
      "/c/cpu,cpuacct/box/cpu.cfs_quota_us=-1",
      "/c/pids/box/pids.max=max",
    ]);
  });

  it("names a controller that the host lacks", () => {
    assert.throws(() => writes(v1, { cpu: { cpus: "0" } }), {
      code: "failed-precondition",
      pointer: "/linux/resources/cpu/cpus",
    });
    assert.throws(() => writes(v1, { unified: { "memory.high": "1" } }), {
      pointer: "/linux/resources/unified",
    });
  });
});

describe("limits on cgroup v2", () => {
  it("translates units and files", () => {
    assert.deepEqual(
      writes(v2, {
        memory: { limit: 100, swap: 150, reservation: 50 },
        cpu: { shares: 1024, quota: 50, period: 100, burst: 10 },
        pids: { limit: 0 },
        blockIO: { weight: 1000, throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1000 }] },
        hugepageLimits: [{ pageSize: "2MB", limit: 4 }],
        unified: { "memory.high": "90" },
      }),
      [
        "pids.max=1",
        "memory.low=50",
        "memory.max=100",
        "memory.swap.max=50",
        "io.weight=default 10000",
        "io.max=8:0 rbps=1000",
        "cpu.weight=100",
        "cpu.max=50 100",
        "cpu.max.burst=10",
        "hugetlb.2MB.max=4",
        "hugetlb.2MB.rsvd.max=4",
        "memory.high=90",
      ].map((line) => `/c/pods/box/${line}`),
    );
  });

  it("keeps unified file names inside the group", () => {
    for (const file of ["../x.y", "memory/high", "cgroup", ".max", "a.b/c"]) {
      assert.throws(() => writes(v2, { unified: { [file]: "1" } }), { code: "failed-precondition" }, file);
    }
  });

  it("prefers BFQ's weight, which is that of v1 as it stands", () => {
    const [write] = cgroupLimits(v2, { blockIO: { weight: 500 } }).writes;
    assert.deepEqual(write?.preferred, { file: "/c/pods/box/io.bfq.weight", data: "default 500" });
    assert.equal(write?.data, "default 4950");
  });

  it("takes swap as what goes beyond the memory limit", () => {
    const swap = (memory: NonNullable<RuntimeResources["memory"]>) =>
      writes(v2, { memory })
        .find((line) => line.includes("swap"))
        ?.split("=")[1];
    assert.deepEqual(
      [
        swap({ limit: 100, swap: 100 }),
        swap({ limit: 100, swap: -1 }),
        swap({ limit: -1 }),
        swap({ limit: 100 }),
        swap({ limit: -1, swap: -1 }),
      ],
      ["0", "max", "max", undefined, "max"],
    );
  });

  it("refuses what only v1 has", () => {
    const cases: Array<[RuntimeResources, string]> = [
      [{ network: { classID: 1 } }, "/network/classID"],
      [{ network: { priorities: [{ name: "lo", priority: 1 }] } }, "/network/priorities"],
      [{ memory: { swappiness: 1 } }, "/memory/swappiness"],
      [{ memory: { disableOOMKiller: true } }, "/memory/disableOOMKiller"],
      [{ cpu: { realtimeRuntime: 1 } }, "/cpu/realtimeRuntime"],
      [{ blockIO: { leafWeight: 10 } }, "/blockIO/leafWeight"],
    ];
    for (const [resources, pointer] of cases) {
      assert.throws(() => writes(v2, resources), { pointer: `/linux/resources${pointer}` });
    }
  });

  it("refuses swap below the limit, and swap alone", () => {
    assert.throws(() => writes(v2, { memory: { limit: 100, swap: 50 } }), {
      pointer: "/linux/resources/memory/swap",
    });
    assert.throws(() => writes(v2, { memory: { swap: 50 } }), { pointer: "/linux/resources/memory/swap" });
  });

  it("maps shares and weights onto the whole range, never backwards", () => {
    assert.deepEqual([2, 1024, 262_144].map(cpuWeight), [1, 100, 10_000]);
    assert.deepEqual([10, 1000].map(ioWeight), [1, 10_000]);
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 262_143 }), (shares) => {
        const weight = cpuWeight(shares);
        assert.ok(weight >= 1 && weight <= 10_000 && weight <= cpuWeight(shares + 1));
      }),
    );
  });
});
