import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isRoot, temporaryDirectory } from "../support/index.ts";
import { builds, Kernel, makeBuilds, runPlan, shell } from "./executor.ts";
import { until } from "./running.ts";

makeBuilds("all", "asan");

for (const { name, init } of builds) {
  describe(`control groups, ${name}`, { skip: !isRoot }, () => {
    test("makes, fills, kills and removes control groups", async (context) => {
      const top = "/sys/fs/cgroup/unified";
      if (!existsSync(join(top, "cgroup.procs"))) return context.skip("no cgroup2 at /sys/fs/cgroup/unified");
      using scratch = temporaryDirectory("native");
      const group = join(top, `corten-native-${process.pid}`);
      const result = runPlan(init, scratch.path, {
        host: [
          { op: "makeDirectory", path: group },
          { op: "makeDirectory", path: join(group, "a") },
          { op: "makeDirectory", path: join(group, "a/b") },
          { op: "open", out: "$group", path: join(group, "a/b"), flags: Kernel.O_PATH },
          { op: "clone", cgroup: "$group" },
          { op: "open", out: "$procs", path: join(group, "a/cgroup.procs"), flags: 1 },
          { op: "await", event: 1 },
          { op: "joinCgroup", fd: "$procs" },
          { op: "notify", event: 2 },
          { op: "awaitExec" },
          { op: "finish" },
        ],
        container: [
          { op: "write", path: `${scratch.path}/born`, data: "", flags: 0o101 },
          { op: "notify", event: 1 },
          { op: "await", event: 2 },
          ...shell(
            `exec </dev/null >/dev/null 2>&1; cat /proc/self/cgroup > ${scratch.path}/in; (trap '' TERM; sleep 100) & sleep 100`,
          ),
        ],
      });
      assert.equal(result.failure, undefined);
      await until(
        () => existsSync(join(scratch.path, "in")) && readFileSync(join(scratch.path, "in"), "utf8") !== "",
      );
      assert.match(
        readFileSync(join(scratch.path, "in"), "utf8"),
        new RegExp(`${group.slice(top.length)}/a\n`),
      );
      const busy = runPlan(init, scratch.path, { host: [{ op: "remove", path: join(group, "a") }] });
      assert.equal(busy.failure?.symbol, "EBUSY");
      const removed = runPlan(init, scratch.path, {
        host: [
          { op: "removeCgroup", path: group, kill: 1 },
          { op: "removeCgroup", path: group, kill: 1 },
        ],
      });
      assert.equal(removed.failure, undefined);
      assert.equal(existsSync(group), false);
    });

    test("removes v1 groups with their processes, and fills in a cpuset", (context) => {
      const [freezer, cpuset] = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup/cpuset"];
      if (!existsSync(join(cpuset, "cpuset.cpus"))) return context.skip("no cgroup v1 cpuset");
      using scratch = temporaryDirectory("native");
      const [one, two] = [freezer, cpuset].map((at) => join(at, `corten-native-${process.pid}`)) as [
        string,
        string,
      ];
      const result = runPlan(init, scratch.path, {
        host: [
          { op: "makeDirectory", path: one },
          { op: "makeDirectory", path: two },
          { op: "makeDirectory", path: join(two, "below") },
          { op: "inheritCpuset", top: cpuset, path: join(two, "below") },
          { op: "open", out: "$one", path: join(one, "cgroup.procs"), flags: 1 },
          { op: "open", out: "$two", path: join(two, "below/cgroup.procs"), flags: 1 },
          { op: "clone" },
          { op: "joinCgroup", fd: "$one" },
          { op: "joinCgroup", fd: "$two" },
          { op: "notify", event: 1 },
          { op: "awaitExec" },
          { op: "finish" },
        ],
        container: [
          { op: "await", event: 1 },
          ...shell("exec </dev/null >/dev/null 2>&1; sleep 100 & sleep 100"),
        ],
      });
      const inherited = readFileSync(join(two, "below/cpuset.cpus"), "utf8");
      const removed = runPlan(init, scratch.path, {
        host: [
          { op: "removeCgroup", path: one, kill: 1 },
          { op: "removeCgroup", path: two, kill: 0 },
        ],
      });
      assert.deepEqual([result.failure, removed.failure], [undefined, undefined]);
      assert.equal(inherited, readFileSync(join(cpuset, "cpuset.cpus"), "utf8"));
      assert.deepEqual([existsSync(one), existsSync(two)], [false, false]);
    });
  });
}
