import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isRoot, temporaryDirectory } from "../support/index.ts";
import { builds, Kernel, makeBuilds, runPlan, shell } from "./executor.ts";
import { cpusetTop, hasV1, unifiedTop } from "./hierarchies.ts";
import { until } from "./running.ts";

makeBuilds("all", "asan");

for (const { name, init } of builds) {
  describe(`control groups, ${name}`, { skip: !isRoot }, () => {
    test("makes, fills, kills and removes control groups", async () => {
      const top = unifiedTop();
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

    test("fills in a cpuset from the nearest group that has CPUs", () => {
      using scratch = temporaryDirectory("native");
      const own = `corten-native-${process.pid}`;
      const top = cpusetTop(scratch.path, [own, `${own}/below`]);
      const group = join(top, own);
      const { failure } = runPlan(init, scratch.path, {
        host: [
          { op: "makeDirectory", path: group },
          { op: "makeDirectory", path: join(group, "below") },
          { op: "inheritCpuset", top, path: join(group, "below") },
        ],
      });
      assert.equal(failure, undefined);
      for (const file of ["cpuset.cpus", "cpuset.mems"]) {
        const inherited = readFileSync(join(group, "below", file), "utf8").trim();
        assert.equal(inherited, readFileSync(join(top, file), "utf8").trim());
      }
      if (hasV1) runPlan(init, scratch.path, { host: [{ op: "removeCgroup", path: group, kill: 0 }] });
    });

    test("moves a process into groups by its number, and removes them with what it started", () => {
      using scratch = temporaryDirectory("native");
      const own = `corten-native-${process.pid}`;
      const groups = (hasV1 ? ["/sys/fs/cgroup/pids", "/sys/fs/cgroup/freezer"] : [unifiedTop()]).map((top) =>
        join(top, own),
      );
      const result = runPlan(init, scratch.path, {
        host: [
          ...groups.flatMap((group, index) => [
            { op: "makeDirectory", path: group } as const,
            { op: "open", out: `$group${index}`, path: join(group, "cgroup.procs"), flags: 1 } as const,
          ]),
          { op: "clone" },
          ...groups.map((_, index) => ({ op: "joinCgroup", fd: `$group${index}` }) as const),
          { op: "notify", event: 1 },
          { op: "awaitExec" },
          { op: "finish" },
        ],
        container: [
          { op: "await", event: 1 },
          ...shell("exec </dev/null >/dev/null 2>&1; sleep 100 & sleep 100"),
        ],
      });
      const removed = runPlan(init, scratch.path, {
        host: groups.map((path, index) => ({ op: "removeCgroup", path, kill: index === 0 ? 1 : 0 }) as const),
      });
      assert.deepEqual([result.failure, removed.failure], [undefined, undefined]);
      assert.deepEqual(
        groups.filter((group) => existsSync(group)),
        [],
      );
    });
  });
}
