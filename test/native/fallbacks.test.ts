import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { encodePlan } from "../../src/runtime/index.ts";
import { isRoot, temporaryDirectory } from "../support/index.ts";
import {
  builds,
  type Draft,
  foreground,
  Kernel,
  makeBuilds,
  makePlan,
  readFailure,
  runPlan,
  type Sections,
  shell,
} from "./executor.ts";
import { unifiedTop } from "./hierarchies.ts";
import { listDescriptors } from "./running.ts";
import { answering, type Rule } from "./seccomp.ts";

makeBuilds("all", "asan");

const x64 = process.arch === "x64";
const CALL = x64
  ? { memfd_create: 319, fcntl: 72, openat2: 437 }
  : { memfd_create: 279, fcntl: 25, openat2: 437 };
const CLONE3 = 435;
const FACCESSAT2 = 439;
const FCHMODAT2 = 452;
const CLOSE_RANGE = 436;
const ENOSYS = 38;
const EINVAL = 22;
const F_ADD_SEALS = 1033;

for (const { name, init } of builds) {
  /** Runs a plan in an executor whose kernel seems to lack something: the outer executor installs the filter. */
  function runWithout(rules: readonly Rule[], directory: string, sections: Sections) {
    const inner = join(directory, "inner");
    writeFileSync(inner, encodePlan(makePlan(directory, sections)));
    const execute: Draft = {
      op: "execute",
      args: [init, inner],
      env: ["PATH=/usr/bin:/bin", "ASAN_OPTIONS=detect_leaks=0"],
    };
    const filter: Draft = { op: "setSeccomp", out: "$none", program: answering(rules), flags: 0 };
    const outcome = runPlan(init, directory, { host: [filter, execute] });
    return { ...outcome, failure: readFailure(directory) };
  }

  describe(`older kernels, ${name}`, { skip: !isRoot }, () => {
    test("clone3 is missing: clone, and the cgroup is entered before the child goes on", () => {
      using scratch = temporaryDirectory("native");
      const without = [{ call: CLONE3, errno: ENOSYS }];
      const plain = runWithout(without, scratch.path, {
        host: foreground({ flags: Kernel.CLONE_NEWPID | Kernel.CLONE_NEWNS }),
        container: shell("echo $$; exit 6"),
      });
      assert.deepEqual([plain.status, plain.stdout, plain.failure], [6, "1\n", undefined]);
      const top = unifiedTop();
      const group = join(top, `corten-fallback-${process.pid}`);
      const grouped = runWithout(without, scratch.path, {
        host: [
          { op: "makeDirectory", path: group },
          { op: "open", out: "$group", path: group, flags: Kernel.O_PATH },
          ...foreground({ cgroup: "$group" }),
        ],
        container: shell("grep ^0:: /proc/self/cgroup"),
        cleanup: [{ op: "removeCgroup", path: group, kill: 1 }],
      });
      assert.equal(grouped.stdout, `0::${group.slice(top.length)}\n`);
      assert.equal(existsSync(group), false);
    });

    test("MFD_EXEC and F_SEAL_EXEC are unknown: it still runs sealed", () => {
      using scratch = temporaryDirectory("native");
      const result = runWithout(
        [
          { call: CALL.memfd_create, errno: EINVAL, argument: 1, bits: 0x10 },
          {
            call: CALL.fcntl,
            errno: EINVAL,
            argument: 2,
            bits: 0x20,
            when: { argument: 1, equals: F_ADD_SEALS },
          },
        ],
        scratch.path,
        { host: foreground(), container: shell("readlink /proc/$PPID/exe") },
      );
      assert.equal(result.stdout, "/memfd:corten-init (deleted)\n");
    });

    test("it cannot be sealed at all: it does not run", () => {
      using scratch = temporaryDirectory("native");
      const result = runWithout([{ call: CALL.memfd_create, errno: ENOSYS }], scratch.path, {
        host: [{ op: "makeDirectory", path: join(scratch.path, "performed") }],
      });
      assert.equal(result.status, 125);
      assert.equal(result.stderr, "corten-init: cannot seal its own program: memfd_create: ENOSYS\n");
      assert.equal(existsSync(join(scratch.path, "performed")), false);
    });

    test("fchmodat2, faccessat2 and close_range are missing", () => {
      using scratch = temporaryDirectory("native");
      writeFileSync(join(scratch.path, "file"), "");
      const result = runWithout(
        [
          { call: FCHMODAT2, errno: ENOSYS },
          { call: FACCESSAT2, errno: ENOSYS },
          { call: CLOSE_RANGE, errno: ENOSYS },
        ],
        scratch.path,
        {
          host: [
            { op: "open", out: "$file", path: join(scratch.path, "file"), flags: Kernel.O_PATH },
            { op: "setOwner", fd: "$file", mode: 0o641 },
            ...foreground(),
          ],
          container: [
            { op: "findExecutable", name: "sh", path: "/bin" },
            { op: "open", out: "$leak", path: "/" },
            { op: "closeFrom", cloexec: 0 },
            { op: "execute", args: ["sh", "-c", listDescriptors] },
          ],
        },
      );
      assert.deepEqual([result.stdout, result.failure], ["0 1 2\n", undefined]);
      assert.equal(statSync(join(scratch.path, "file")).mode & 0o777, 0o641);
    });

    test("a kernel below the floor gets a clear answer", () => {
      using scratch = temporaryDirectory("native");
      const result = runWithout([{ call: CALL.openat2, errno: ENOSYS }], scratch.path, {
        host: [
          { op: "open", out: "$root", path: scratch.path, flags: Kernel.O_PATH },
          { op: "resolve", out: "$x", root: "$root", path: "y" },
        ],
      });
      assert.match(result.failure!.message, /^openat2\(.*\): ENOSYS$/);
      assert.match(readFileSync(join(scratch.path, "failure"), "utf8"), /^host\x001\x00resolve\x00/);
    });
  });
}
