import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { CortenError, RuntimeConfig, RuntimeIdMapping } from "../../spec/index.ts";
import { defaultConfig } from "./default-config.ts";
import { formatMap, isMapped } from "./id-mappings.ts";
import { checkConfig } from "./parse.ts";

const RANGE = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

function withUser(
  change: NonNullable<RuntimeConfig["linux"]>,
  user: Partial<NonNullable<RuntimeConfig["process"]>["user"]> = {},
  path?: string,
): RuntimeConfig {
  const base = defaultConfig();
  const namespace = { type: "user", ...(path === undefined ? {} : { path }) } as const;
  return {
    ...base,
    process: { ...base.process!, user: { ...base.process!.user, ...user } },
    linux: { ...base.linux, namespaces: [...base.linux!.namespaces!, namespace], ...change },
  };
}

function pointerOf(config: RuntimeConfig): string | undefined {
  try {
    checkConfig(config);
    return undefined;
  } catch (error) {
    assert.equal((error as CortenError).code, "invalid-argument");
    return (error as CortenError).pointer;
  }
}

describe("mappings of a user namespace", () => {
  const both = (mappings: readonly RuntimeIdMapping[]) => ({ uidMappings: mappings, gidMappings: RANGE });
  const faults: ReadonlyArray<readonly [string, RuntimeConfig, string | undefined]> = [
    ["a range", withUser(both(RANGE)), undefined],
    ["none", withUser({ gidMappings: RANGE }), "/linux/uidMappings"],
    ["no gids", withUser({ uidMappings: RANGE }), "/linux/gidMappings"],
    ["a joined namespace's own", withUser({}, {}, "/proc/7/ns/user"), undefined],
    ["an empty range", withUser(both([{ containerID: 0, hostID: 0, size: 0 }])), "/linux/uidMappings/0/size"],
    [
      "overlapping ids of the host",
      withUser(both([...RANGE, { containerID: 70_000, hostID: 100_001, size: 1 }])),
      "/linux/uidMappings/1/hostID",
    ],
    [
      "overlapping ids of the container",
      withUser(both([...RANGE, { containerID: 5, hostID: 7, size: 1 }])),
      "/linux/uidMappings/1/containerID",
    ],
    [
      "the number that is no id",
      withUser(both([{ containerID: 0, hostID: 2 ** 32 - 1, size: 1 }])),
      "/linux/uidMappings/0",
    ],
    ["a user beyond it", withUser(both(RANGE), { uid: 65_536 }), "/process/user/uid"],
    ["a group beyond it", withUser(both(RANGE), { gid: 65_536 }), "/process/user/gid"],
    [
      "an additional group beyond it",
      withUser(both(RANGE), { additionalGids: [1, 70_000] }),
      "/process/user/additionalGids/1",
    ],
  ];
  for (const [what, config, pointer] of faults) {
    it(`${pointer === undefined ? "take" : "refuse"} ${what}`, () =>
      assert.equal(pointerOf(config), pointer));
  }

  it("need a user namespace", () => {
    const base = defaultConfig();
    assert.equal(
      pointerOf({ ...base, linux: { ...base.linux, uidMappings: RANGE, gidMappings: RANGE } }),
      "/linux/uidMappings",
    );
  });

  it("are written as the kernel reads them, and never longer than it reads", () => {
    const id = fc.nat(2 ** 32 - 1);
    const mapping = fc.record({ containerID: id, hostID: id, size: id });
    fc.assert(
      fc.property(fc.array(mapping, { maxLength: 400 }), (mappings) => {
        if (pointerOf(withUser(both(mappings))) !== undefined) return;
        assert.ok(formatMap(mappings).length < 4096);
        for (const { containerID, size } of mappings) {
          assert.ok(isMapped(mappings, containerID) && isMapped(mappings, containerID + size - 1));
        }
      }),
    );
  });
});

describe("offsets of a time namespace", () => {
  const timed = (
    timeOffsets: NonNullable<RuntimeConfig["linux"]>["timeOffsets"],
    path?: string,
  ): RuntimeConfig => {
    const base = defaultConfig();
    const namespace = { type: "time", ...(path === undefined ? {} : { path }) } as const;
    return {
      ...base,
      linux: { ...base.linux, timeOffsets: timeOffsets!, namespaces: [namespace, { type: "uts" }] },
    };
  };
  it("are for the two clocks of a new one", () => {
    assert.equal(pointerOf(timed({ boottime: { secs: -1 }, monotonic: { nanosecs: 5 } })), undefined);
    assert.equal(pointerOf(timed({ realtime: { secs: 1 } })), "/linux/timeOffsets/realtime");
    assert.equal(pointerOf(timed({ boottime: { secs: 1 } }, "/proc/7/ns/time")), "/linux/timeOffsets");
    assert.equal(pointerOf(timed({ boottime: { nanosecs: 1e9 } })), "/linux/timeOffsets/boottime/nanosecs");
    const base = defaultConfig();
    assert.equal(
      pointerOf({ ...base, linux: { ...base.linux, timeOffsets: { boottime: { secs: 1 } } } }),
      "/linux/timeOffsets",
    );
  });
});
