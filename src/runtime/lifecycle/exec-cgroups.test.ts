import assert from "node:assert/strict";
import { test } from "node:test";
import { subgroups } from "./exec-cgroups.ts";

const groups = [
  { controllers: ["cpu", "cpuacct"], version: 1, path: "/c/cpu/box" },
  { controllers: ["memory"], version: 1, path: "/c/memory/box" },
  { controllers: [], version: 2, path: "/c/unified/box" },
] as const;

test("--cgroup: a path for all groups, or for those of controllers", () => {
  assert.deepEqual(subgroups(groups, 1, []), ["/c/cpu/box", "/c/memory/box"]);
  assert.deepEqual(subgroups(groups, 1, ["sub"]), ["/c/cpu/box/sub", "/c/memory/box/sub"]);
  assert.deepEqual(subgroups(groups, 2, ["sub"]), ["/c/unified/box/sub"]);
  assert.deepEqual(subgroups(groups, 1, ["cpu,cpuacct:fast"]), ["/c/cpu/box/fast", "/c/memory/box"]);
  assert.deepEqual(subgroups(groups, 1, ["all", "memory:m"]), ["/c/cpu/box/all", "/c/memory/box/m"]);
  assert.deepEqual(subgroups(groups, 1, ["/"]), ["/c/cpu/box", "/c/memory/box"]);
  assert.throws(() => subgroups(groups, 1, ["../x"]), /must not hold/);
  assert.throws(() => subgroups(groups, 1, ["pids:x"]), /no group of controller pids/);
  assert.throws(() => subgroups([groups[2]], 2, ["memory:x"]), /no group of controller memory/);
});
