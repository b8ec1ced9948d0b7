import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { encodePlan } from "../../src/runtime/index.ts";
import { repository, temporaryDirectory } from "../support/index.ts";
import { builds, makeBuilds, makePlan, runFile } from "./executor.ts";

makeBuilds("all", "asan", "fuzz");

const HEADER = 80;
const RECORD = 80;

/** A plan that would leave a file behind if any of it were performed. */
function validPlan(directory: string): Buffer {
  return Buffer.from(
    encodePlan(
      makePlan(directory, {
        host: [
          { op: "makeDirectory", path: join(directory, "performed") },
          { op: "open", out: "$x", path: "/", flags: 0 },
          { op: "hook", path: "/bin/true", args: ["true"], env: ["A=b"] },
          { op: "clone" },
        ],
        container: [{ op: "execute", args: ["/bin/true"] }],
      }),
    ),
  );
}

/** Changes one plan in a way that must be noticed. */
const damages: ReadonlyArray<readonly [string, (plan: Buffer) => Buffer, RegExp]> = [
  ["nothing", () => Buffer.alloc(0), /shorter than its header/],
  ["half a header", (plan) => plan.subarray(0, 40), /shorter than its header/],
  ["another magic", (plan) => set(plan, 0, 0x41), /not a plan/],
  ["another version", (plan) => set32(plan, 8, 99), /version/],
  ["a byte too few", (plan) => plan.subarray(0, plan.length - 1), /length is wrong/],
  ["a byte too many", (plan) => Buffer.concat([plan, Buffer.alloc(1)]), /length is wrong/],
  ["too many operations", (plan) => set32(plan, 16, 0xffff_ffff), /too many operations/],
  ["too many registers", (plan) => set32(plan, 24, 129), /too many registers/],
  ["fewer registers than labels", (plan) => set32(plan, 24, 1), /register labels/],
  ["a pool that does not add up", (plan) => set32(plan, 20, 8), /do not add up/],
  ["overlapping sections", (plan) => set32(plan, 40, 0), /section index/],
  ["a section that overflows", (plan) => set32(plan, 44, 0xffff_ffff), /section index/],
  ["a failure file out of the pool", (plan) => set32(plan, 56, 0x7fff_ffff), /failure file/],
  ["a list that is not aligned", (plan) => set32(plan, 64, 4), /arguments for a failure/],
  ["a list that is too long", (plan) => set32(plan, 76, 0x2000_0000), /register labels/],
  ["an unknown operation", (plan) => set(plan, HEADER, 255), /unknown operation in operation 0/],
  ["a missing field", (plan) => set(plan, HEADER + 2, 2), /number of fields in operation 0/],
  [
    "a register that does not exist",
    (plan) => set32(plan, HEADER + RECORD + 16, 100),
    /bad field in operation 1/,
  ],
  ["text without its end", (plan) => set32(plan, HEADER + 16 + 8 + 4, 3), /bad field in operation 0/],
  [
    "an absent text",
    (plan) => set32(set32(plan, HEADER + 24, 0xffff_ffff), HEADER + 28, 0xffff_ffff),
    /bad field/,
  ],
  ["a setting out of the pool", (plan) => set32(plan, HEADER + 8, 0xffff_fff0), /setting in operation 0/],
  ["a field that should be empty", (plan) => set(plan, HEADER + 79, 1), /bad field in operation 0/],
  ["the host section cloned", (plan) => set(plan, HEADER + 3 * RECORD + 24, 0), /bad field in operation 3/],
];

function set(plan: Buffer, offset: number, value: number): Buffer {
  plan[offset] = value;
  return plan;
}

function set32(plan: Buffer, offset: number, value: number): Buffer {
  plan.writeUInt32LE(value, offset);
  return plan;
}

for (const { name, init } of builds) {
  describe(`bad plans, ${name}`, () => {
    for (const [what, damage, message] of damages) {
      test(`refuses ${what}, before any operation`, () => {
        using scratch = temporaryDirectory("native");
        const path = join(scratch.path, "plan");
        writeFileSync(path, damage(validPlan(scratch.path)));
        const { status, stderr } = runFile(init, path);
        assert.equal(status, 125, stderr);
        assert.match(stderr, message);
        assert.match(stderr, new RegExp(`^corten-init: ${path}: .*\n$`));
        assert.deepEqual(
          readdirSync(scratch.path).filter((entry) => entry !== "plan"),
          [],
        );
      });
    }

    test("refuses a NUL inside of a text", () => {
      using scratch = temporaryDirectory("native");
      const plan = validPlan(scratch.path);
      plan[plan.indexOf("/bin/true") + 4] = 0;
      writeFileSync(join(scratch.path, "plan"), plan);
      assert.match(runFile(init, join(scratch.path, "plan")).stderr, /bad field in operation 2/);
    });

    test("refuses a clone in the container section", () => {
      using scratch = temporaryDirectory("native");
      const plan = encodePlan(makePlan(scratch.path, { container: [{ op: "clone" }] }));
      writeFileSync(join(scratch.path, "plan"), plan);
      assert.match(
        runFile(init, join(scratch.path, "plan")).stderr,
        /only the host section clones in operation 0/,
      );
    });

    test("ends in order whatever bytes of the header are flipped", () => {
      using scratch = temporaryDirectory("native");
      const path = join(scratch.path, "plan");
      const empty = Buffer.from(encodePlan(makePlan(scratch.path, { host: [{ op: "close", fd: "$x" }] })));
      let refused = 0;
      for (let offset = 0; offset < empty.length; offset += 3) {
        const plan = Buffer.from(empty);
        plan[offset]! ^= 1 << (offset % 8);
        writeFileSync(path, plan);
        const { status, stderr, signal } = runFile(init, path);
        assert.equal(signal, null);
        assert.ok(status === 0 || status === 125, `${offset}: ${status} ${stderr}`);
        refused += status === 125 ? 1 : 0;
        rmSync(path, { force: true });
      }
      assert.ok(refused > empty.length / 6, `${refused}`);
    });
  });
}

describe("fuzzing the decoder", () => {
  const corpus = join(repository, "native/fuzz/corpus");

  test("has a seed for each operation", () => {
    const seeds = new Set(readdirSync(corpus));
    const header = readFileSync(join(repository, "native/common/plan.gen.h"), "utf8");
    const operations = [...header.matchAll(/X\(OP_\w+, \w+, "(\w+)"/g)].map(([, name]) => name!);
    assert.ok(operations.length > 60);
    assert.deepEqual(
      operations.filter((name) => !seeds.has(name)),
      [],
      "run scripts/bun native/fuzz/corpus.ts",
    );
  });

  test("finds nothing in a bounded run from the corpus", { timeout: 60_000 }, () => {
    const found = mkdtempSync(join(tmpdir(), "corten-fuzz-"));
    try {
      const { status, stderr } = spawnSync(
        join(repository, "dist/native/fuzz-decode"),
        ["-runs=100000", "-max_total_time=15", "-seed=1", `-artifact_prefix=${found}/`, found, corpus],
        { encoding: "utf8" },
      );
      assert.equal(status, 0, stderr.slice(-4000));
      assert.ok(readFileSync(join(corpus, "usual")).length > HEADER);
    } finally {
      rmSync(found, { recursive: true, force: true });
    }
  });
});
