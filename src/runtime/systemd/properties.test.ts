import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { annotationProperties, limitProperties } from "./properties.ts";
import { unitPath, unitPlace } from "./unit-name.ts";

describe("units of systemd", () => {
  it("are named by cgroupsPath", () => {
    assert.deepEqual(unitPlace("machine.slice:corten:demo", "x", false), {
      slice: "machine.slice",
      unit: "corten-demo.scope",
    });
    assert.deepEqual(unitPlace(undefined, "a+b", false), {
      slice: "system.slice",
      unit: "corten-a\\x2bb.scope",
    });
    assert.deepEqual(unitPlace("::demo", "x", true), { slice: "user.slice", unit: "demo.scope" });
    for (const wrong of [
      "/a/b",
      "a:b",
      "a.slice:b:",
      "../x.slice:a:b",
      "a--b.slice:a:b",
      "a.service:a:b",
      "a:b:c:d",
    ]) {
      assert.throws(() => unitPlace(wrong, "x", false), { pointer: "/linux/cgroupsPath" }, wrong);
    }
    assert.equal(unitPath("corten-a.scope"), "/org/freedesktop/systemd1/unit/corten_2da_2escope");
  });

  it("get their limits as properties", () => {
    const list = limitProperties({
      memory: { limit: 100, swap: 150, reservation: -1 },
      cpu: { shares: 1024, quota: 12_345, period: 100_000, cpus: "0-2,9", mems: "0" },
      pids: { limit: 0 },
      blockIO: { weight: 10 },
    });
    assert.deepEqual(Object.fromEntries(list.map(([name, { value }]) => [name, value])), {
      ...{ MemoryMax: 100n, MemoryLow: 2n ** 64n - 1n, MemorySwapMax: 50n, CPUWeight: 100n },
      ...{ CPUQuotaPeriodUSec: 100_000n, CPUQuotaPerSecUSec: 130_000n, AllowedCPUs: [7, 2] },
      ...{ AllowedMemoryNodes: [1], TasksMax: 1n, IOWeight: 1n },
    });
  });

  it("get properties by annotations, but not what makes them a container's", () => {
    const read = (name: string, value: string) =>
      annotationProperties({ [`org.systemd.property.${name}`]: value });
    assert.deepEqual(read("TimeoutStopSec", "uint64 5"), [
      ["TimeoutStopUSec", { signature: "t", value: 5_000_000n }],
    ]);
    assert.deepEqual(read("After", "['a.service', \"b.target\"]")[0]?.[1].value, ["a.service", "b.target"]);
    assert.deepEqual(read("CollectMode", "'inactive'")[0]?.[1], { signature: "s", value: "inactive" });
    assert.deepEqual(read("SendSIGHUP", "true")[0]?.[1], { signature: "b", value: true });
    assert.deepEqual(annotationProperties({ other: "x" }), []);
    for (const [name, value] of [
      ["Delegate", "false"],
      ["Slice", "'x'"],
      ["lower", "1"],
      ["Abc", "{x}"],
      ["FooSec", "'a'"],
    ] as const) {
      assert.throws(() => read(name, value), { code: "invalid-argument" }, name);
    }
  });
});
