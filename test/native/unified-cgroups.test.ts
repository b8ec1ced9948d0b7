import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { compileDeviceRules } from "../../src/runtime/index.ts";
import type { RuntimeDeviceRule } from "../../src/spec/index.ts";
import { isRoot, temporaryDirectory } from "../support/index.ts";
import { builds, foreground, Kernel, makeBuilds, runPlan, shell } from "./executor.ts";
import { unifiedTop } from "./hierarchies.ts";

makeBuilds("all", "asan");

const programOf = (rules: readonly RuntimeDeviceRule[]) => compileDeviceRules(rules)!;
const nothingMore = [{ allow: false, access: "rwm" }];
const script = "for f in null zero kmsg; do : < /dev/$f && echo $f; done 2>/dev/null; exit 0";

for (const { name, init } of builds) {
  describe(`control groups of v2, ${name}`, { skip: !isRoot }, () => {
    /** Makes a group for one test and removes it. */
    const inGroup = (use: (group: string, scratch: string) => void) => {
      using scratch = temporaryDirectory("native");
      const group = join(unifiedTop(), `corten-native-v2-${process.pid}`);
      mkdirSync(group);
      try {
        use(group, scratch.path);
      } finally {
        runPlan(init, scratch.path, { host: [{ op: "removeCgroup", path: group, kill: 1 }] });
      }
    };

    test("a device filter lets through what its rules allow, and a new one takes its place", () => {
      inGroup((group, scratch) => {
        const open = { op: "open", out: "$cgroup", path: group, flags: Kernel.O_PATH } as const;
        const filtered = (rules: readonly RuntimeDeviceRule[], replace: number) =>
          runPlan(init, scratch, {
            host: [
              open,
              { op: "attachDeviceFilter", cgroup: "$cgroup", program: programOf(rules), replace },
              ...foreground({ cgroup: "$cgroup" }),
            ],
            container: shell(script),
          });
        const first = filtered(nothingMore, 0);
        assert.equal(first.failure, undefined);
        assert.equal(first.stdout, "null\nzero\n");
        const wider = [...nothingMore, { allow: true, type: "c", major: 1, minor: 11, access: "r" } as const];
        assert.equal(filtered(wider, 1).stdout, "null\nzero\nkmsg\n", "replaced, not added to");
        // Two programs at once, as older kernels or other programs leave them: all of them go.
        assert.equal(filtered(nothingMore, 0).stdout, "null\nzero\n");
        assert.equal(filtered(wider, 1).stdout, "null\nzero\nkmsg\n");
      });
    });

    test("the verifier's refusal names the call", () => {
      inGroup((group, scratch) => {
        const host = (program: Uint8Array) => [
          { op: "open", out: "$cgroup", path: group, flags: Kernel.O_PATH } as const,
          { op: "attachDeviceFilter", cgroup: "$cgroup", program, replace: 0 } as const,
        ];
        const { failure } = runPlan(init, scratch, { host: host(new Uint8Array(8)) });
        assert.match(failure!.message, /^bpf\(BPF_PROG_LOAD, CGROUP_DEVICE, 1 instructions\): E/);
        const odd = runPlan(init, scratch, { host: host(new Uint8Array(7)) });
        assert.equal(odd.failure!.kind, "protocol");
      });
    });

    test("hands controllers down, changes owners, and writes to the first file that exists", () => {
      inGroup((group, scratch) => {
        mkdirSync(join(group, "below"));
        const offered = readFileSync(join(group, "cgroup.controllers"), "utf8");
        const result = runPlan(init, scratch, {
          host: [
            { op: "enableControllers", path: group },
            { op: "enableControllers", path: group },
            {
              op: "delegateCgroup",
              path: join(group, "below"),
              uid: 1234,
              files: ["cgroup.procs", "no.such"],
            },
            {
              op: "writeFirst",
              paths: [join(group, "no.such"), join(group, "below/cgroup.freeze")],
              data: ["7", "1"],
            },
          ],
        });
        assert.equal(result.failure, undefined);
        assert.equal(readFileSync(join(group, "below/cgroup.controllers"), "utf8"), offered);
        assert.equal(statSync(join(group, "below")).uid, 1234);
        assert.equal(statSync(join(group, "below/cgroup.procs")).uid, 1234);
        assert.equal(statSync(join(group, "below/cgroup.threads")).uid, 0);
        assert.equal(readFileSync(join(group, "below/cgroup.freeze"), "utf8"), "1\n");
        writeFileSync(join(group, "below/cgroup.freeze"), "0");
        rmdirSync(join(group, "below"));
        const missing = runPlan(init, scratch, {
          host: [{ op: "writeFirst", paths: [join(group, "a.b"), join(group, "c.d")], data: ["1", "2"] }],
        });
        assert.match(missing.failure!.message, /c\.d"\): ENOENT$/);
      });
    });

    test("lingers as long as it was told", () => {
      using scratch = temporaryDirectory("native");
      const began = performance.now();
      assert.equal(
        runPlan(init, scratch.path, { host: [{ op: "linger", ms: 100 }, { op: "finish" }] }).status,
        0,
      );
      assert.ok(performance.now() - began >= 100);
    });
  });
}
