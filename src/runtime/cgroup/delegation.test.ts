import assert from "node:assert/strict";
import { it } from "node:test";
import { readCgroupFacts } from "../../host/index.ts";
import type { RuntimeConfig } from "../../spec/index.ts";
import { defaultConfig } from "../config/default-config.ts";
import { cgroupOwner } from "./delegation.ts";
import { planCgroups } from "./layout.ts";

const mount = (type: string, mountpoint: string) => ({
  ...{ id: 1, parent: 0, root: "/", mountpoint, options: [], shared: false, type, source: "cgroup" },
  superOptions: ["pids"],
});
const v2 = planCgroups(readCgroupFacts("0::/\n", [mount("cgroup2", "/c")]), "/box", "box");
const v1 = planCgroups(readCgroupFacts("1:pids:/\n", [mount("cgroup", "/c")]), "/box", "box");

function config(uid: number, options: readonly string[], ...types: readonly string[]): RuntimeConfig {
  const base = defaultConfig();
  return {
    ...base,
    process: { ...base.process!, user: { uid, gid: 0 } },
    mounts: [{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options }],
    linux: {
      namespaces: types.map((type) => ({ type }) as { type: "user" | "cgroup" }),
      uidMappings: [
        { containerID: 0, hostID: 100_000, size: 10 },
        { containerID: 10, hostID: 5, size: 1 },
      ],
    },
  };
}

it("gives the group to the user that the process is on the host", () => {
  assert.equal(cgroupOwner(v2, config(3, [], "user", "cgroup")), 100_003);
  assert.equal(cgroupOwner(v2, config(10, ["ro", "rw"], "user", "cgroup")), 5);
});

it("gives nothing away where the container could not use it, or could reach more", () => {
  assert.equal(cgroupOwner(v1, config(0, [], "user", "cgroup")), undefined);
  assert.equal(cgroupOwner(v2, config(0, ["ro"], "user", "cgroup")), undefined);
  assert.equal(cgroupOwner(v2, config(0, [], "user")), undefined);
  assert.equal(cgroupOwner(v2, config(0, [], "cgroup")), undefined);
  assert.equal(cgroupOwner(v2, config(77, [], "user", "cgroup")), undefined, "a user that is not mapped");
});
