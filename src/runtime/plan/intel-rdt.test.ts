import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { rdtGroupName, rdtGroups } from "./intel-rdt.ts";
import { checkResources, type ResctrlFacts, schemataWrites } from "./rdt-schemata.ts";

const AT = "/linux/intelRdt";
const facts = (change: Partial<ResctrlFacts> = {}): ResctrlFacts => ({
  mountpoint: "/r",
  resources: ["L3", "MB", "L3_MON", "last_cmd_status"],
  monitored: ["llc_occupancy", "mbm_total_bytes"],
  ...change,
});

describe("the groups of resctrl that a container is in", () => {
  it("are named by closID, or else by the container, whose own they are then", () => {
    assert.deepEqual(rdtGroups({}, "box", "/r"), { group: "/r/box", own: ["/r/box"] });
    assert.deepEqual(rdtGroups({ closID: "gold" }, "box", "/r"), { group: "/r/gold", own: [] });
    assert.deepEqual(rdtGroups({ closID: "/", enableMonitoring: true }, "box", "/r"), {
      group: "/r",
      monitor: "/r/mon_groups/box",
      own: ["/r/mon_groups/box"],
    });
    assert.throws(() => rdtGroupName({}, "info"), { code: "invalid-argument", pointer: AT });
  });

  it("take both schemas in one write, the bandwidth of memBwSchema, and then schemata", () => {
    const rdt = {
      l3CacheSchema: "L3:0=f;1=f\nMB:0=1\n",
      memBwSchema: "MB:0=20",
      schemata: ["L3CODE:0=3", "L3DATA:0=3"],
    };
    assert.deepEqual(schemataWrites(rdt, "/r/box", {}), [
      { at: `${AT}/l3CacheSchema`, data: "L3:0=f;1=f\nMB:0=20\n" },
      { at: `${AT}/schemata`, data: "L3CODE:0=3\nL3DATA:0=3\n" },
    ]);
    assert.deepEqual(schemataWrites({ memBwSchema: "MB:0=20" }, "/r/box", {}), [
      { at: `${AT}/memBwSchema`, data: "MB:0=20\n" },
    ]);
    assert.deepEqual(schemataWrites({ closID: "gold" }, "/r/gold", { schemata: "L3:0=f" }), []);
  });

  it("that others share are compared, not changed", () => {
    const there = { schemata: "    MB:0=100;1= 70\n    L3:0=00ff;1=0FF0\n" };
    const same = { closID: "gold", l3CacheSchema: "L3:1=ff0;0=ff", memBwSchema: "MB:1=70" };
    assert.deepEqual(schemataWrites(same, "/r/gold", there), []);
    for (const l3CacheSchema of ["L3:0=f", "L3:2=ff", "L2:0=ff"]) {
      assert.throws(() => schemataWrites({ closID: "gold", l3CacheSchema }, "/r/gold", there), {
        code: "failed-precondition",
        pointer: `${AT}/l3CacheSchema`,
        message: /\/r\/gold is there and has/,
      });
    }
    // A container's own name may be that of a group which a killed runtime left.
    assert.equal(schemataWrites({ l3CacheSchema: "L3:0=f" }, "/r/box", there).length, 1);
  });

  const lacking = [
    ["l3CacheSchema", { l3CacheSchema: "L3:0=f" }, facts({ resources: ["MB"] })],
    ["memBwSchema", { memBwSchema: "MB:0=20" }, facts({ resources: ["L3"] })],
    ["enableMonitoring", { enableMonitoring: true }, facts({ resources: ["L3"] })],
    ["enableCMT", { enableCMT: true }, facts({ monitored: ["mbm_local_bytes"] })],
    ["enableMBM", { enableMBM: true }, facts({ monitored: ["llc_occupancy"] })],
    ["closID", { closID: "gold" }, facts()],
  ] as const;
  for (const [setting, rdt, host] of lacking) {
    it(`${setting} is refused where the machine has nothing for it`, () => {
      assert.throws(() => checkResources(rdt, host), {
        code: "failed-precondition",
        pointer: `${AT}/${setting}`,
      });
    });
  }

  it("may have anything that the machine has", () => {
    const all = { l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=20", enableCMT: true, enableMBM: true };
    checkResources({ ...all, enableMonitoring: true }, facts());
    checkResources({ closID: "gold" }, facts({ schemata: "L3:0=f" }));
    checkResources({ l3CacheSchema: "L3CODE:0=f" }, facts({ resources: ["L3CODE", "L3DATA"] }));
  });
});
