import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isRoot, temporaryDirectory } from "../support/index.ts";
import { builds, type Draft, foreground, makeBuilds, runPlan } from "./executor.ts";

makeBuilds("all", "asan");

const bits = (...words: bigint[]) => new Uint8Array(new BigUint64Array(words).buffer);
const scheduler = { flags: 0, nice: 0, priority: 0, runtime: 0, deadline: 0, period: 0 };

/** Prints policy, nice value, real-time priority and allowed CPUs of the process itself, as the kernel tells them. */
const report = [
  "import os",
  "f = open('/proc/self/stat').read().rsplit(') ', 1)[1].split()",
  "print(f[38], f[16], f[37], sorted(os.sched_getaffinity(0)))",
].join("\n");

for (const { name, init } of builds) {
  describe(`scheduling, ${name}`, { skip: !isRoot }, () => {
    const run = (scratch: string, container: readonly Draft[]) =>
      runPlan(init, scratch, {
        host: foreground(),
        container: [...container, { op: "execute", args: ["/usr/bin/python3", "-c", report], env: [] }],
      });

    test("sets policy and nice value", () => {
      using scratch = temporaryDirectory("native");
      const batch = run(scratch.path, [{ op: "setScheduler", ...scheduler, policy: 3, nice: 7 }]);
      assert.match(batch.stdout, /^3 7 0 /, batch.failure?.message ?? "no failure");
      const idle = run(scratch.path, [{ op: "setScheduler", ...scheduler, policy: 5 }]);
      assert.match(idle.stdout, /^5 0 0 /, idle.failure?.message ?? "no failure");
    });

    test("tells every argument of a policy that the kernel refuses", () => {
      using scratch = temporaryDirectory("native");
      const { failure } = run(scratch.path, [
        { op: "setScheduler", ...scheduler, policy: 6, flags: 1, runtime: 3, deadline: 2, period: 1 },
      ]);
      assert.equal(
        failure?.message,
        "sched_setattr(0, {policy 6, flags 0x1, nice 0, priority 0, 3/2/1 ns}): EINVAL",
      );
    });

    test("sets the CPUs, and refuses none at all", () => {
      using scratch = temporaryDirectory("native");
      const one = run(scratch.path, [{ op: "setCpuAffinity", cpus: bits(1n) }]);
      assert.match(one.stdout, /\[0\]\n$/, one.failure?.message ?? "no failure");
      const none = run(scratch.path, [{ op: "setCpuAffinity", cpus: bits(0n) }]);
      assert.equal(none.failure?.message, "sched_setaffinity(0, mask of 8 bytes): EINVAL");
    });

    test("sets the I/O priority", () => {
      using scratch = temporaryDirectory("native");
      const result = runPlan(init, scratch.path, {
        host: foreground(),
        container: [
          { op: "setIoPriority", class: 2, level: 6 },
          { op: "execute", args: ["/usr/bin/ionice"], env: [] },
        ],
      });
      assert.equal(result.stdout, "best-effort: prio 6\n", result.failure?.message ?? "no failure");
      const wrong = run(scratch.path, [{ op: "setIoPriority", class: 4, level: 0 }]);
      assert.equal(wrong.failure?.symbol, "EINVAL");
    });

    test("sets the memory policy", () => {
      using scratch = temporaryDirectory("native");
      const result = runPlan(init, scratch.path, {
        host: foreground(),
        container: [
          { op: "setMemoryPolicy", mode: 2 | (1 << 15), nodes: bits(1n) },
          { op: "execute", args: ["/bin/head", "-n1", "/proc/self/numa_maps"], env: [] },
        ],
      });
      assert.match(result.stdout, / bind=static:0 /, result.failure?.message ?? "no failure");
      const wrong = run(scratch.path, [{ op: "setMemoryPolicy", mode: 2, nodes: bits(0n, 1n) }]);
      assert.equal(wrong.failure?.symbol, "EINVAL");
      const plain = run(scratch.path, [
        { op: "setMemoryPolicy", mode: 2, nodes: bits(1n) },
        { op: "setMemoryPolicy", mode: 0, nodes: new Uint8Array(0) },
      ]);
      assert.equal(plain.failure, undefined);
    });
  });
}
