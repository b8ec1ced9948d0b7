import assert from "node:assert/strict";
import { test } from "node:test";
import { compileLaunch } from "../../src/runtime/index.ts";
import { hostFacts, launchInput, unifiedCgroups } from "./launch-input.ts";

test("without privileges the device filter of cgroup v2 is left out, and a warning says so", () => {
  const host = hostFacts("6.18.0", unifiedCgroups);
  const filters = (change: Partial<typeof host>) => {
    const { plan, warnings } = compileLaunch(launchInput({ host: { ...host, ...change } }));
    return [
      plan.sections.host.some(({ op }) => op === "attachDeviceFilter"),
      warnings.join().includes("devices"),
    ];
  };
  assert.deepEqual(filters({}), [true, false]);
  assert.deepEqual(filters({ userNamespace: { initial: false, setgroups: true } }), [false, true]);
  assert.deepEqual(filters({ capabilities: { permitted: 0, bounding: 0 } }), [false, true]);
});
