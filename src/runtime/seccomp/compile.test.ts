import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { RuntimeSeccomp, RuntimeSeccompArgument } from "../../spec/index.ts";
import { compileSeccomp } from "./compile.ts";
import { syscallNumbers } from "./syscalls.ts";

const X86_64 = 0xc000_003e;
const X86 = 0x4000_0003;
const ALLOW = 0x7fff_0000;
const KILL_PROCESS = 0x8000_0000;
const errno = (number: number) => 0x0005_0000 + number;

/** Runs a classic BPF program over one struct seccomp_data, as the kernel would. */
function run(
  program: Uint8Array,
  architecture: number,
  number: number,
  args: readonly bigint[] = [],
): number {
  const code = Buffer.from(program);
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(architecture >>> 0, 4);
  for (const [index, value] of args.entries()) data.writeBigUInt64LE(value, 16 + index * 8);
  let accumulator = 0;
  for (let at = 0; ; at++) {
    assert.ok(at * 8 < code.length, "ran past the end");
    const operation = code.readUInt16LE(at * 8);
    const [jt, jf, k] = [code[at * 8 + 2]!, code[at * 8 + 3]!, code.readUInt32LE(at * 8 + 4)];
    switch (operation) {
      case 0x20:
        accumulator = data.readUInt32LE(k);
        break;
      case 0x54:
        accumulator = (accumulator & k) >>> 0;
        break;
      case 0x05:
        at += k;
        break;
      case 0x15:
        at += accumulator === k ? jt : jf;
        break;
      case 0x25:
        at += accumulator > k ? jt : jf;
        break;
      case 0x35:
        at += accumulator >= k ? jt : jf;
        break;
      case 0x06:
        return k;
      default:
        assert.fail(`unexpected instruction ${operation}`);
    }
  }
}

const numbers = syscallNumbers("X86_64");

describe("seccomp filters", () => {
  const profile: RuntimeSeccomp = {
    defaultAction: "SCMP_ACT_ERRNO",
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    syscalls: [
      { names: ["read", "write", "no_such_call_anywhere", "futex_wait"], action: "SCMP_ACT_ALLOW" },
      { names: ["ptrace"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
      {
        names: ["clone"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, value: 0x7e02_0000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
      },
      { names: ["personality"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 0, op: "SCMP_CMP_EQ" }] },
      { names: ["personality"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 8, op: "SCMP_CMP_EQ" }] },
    ],
  };
  const { program } = compileSeccomp(profile, "X86_64");
  const call = (name: string, ...args: bigint[]) => run(program, X86_64, numbers.get(name)!, args);

  it("answers each call as the profile says", () => {
    assert.equal(call("read"), ALLOW);
    assert.equal(call("mount"), errno(1));
    assert.equal(call("ptrace"), errno(38));
    assert.equal(call("clone", 0x11n), ALLOW);
    assert.equal(call("clone", 0x1000_0000n), errno(1));
    assert.equal(call("personality", 8n), ALLOW);
    assert.equal(call("personality", 7n), errno(1));
    assert.equal(call("personality", 1n << 32n), errno(1));
  });

  it("has each architecture's own numbers, and ends other calls", () => {
    assert.equal(run(program, X86, 3), ALLOW);
    assert.equal(run(program, X86, 0), errno(1));
    assert.equal(run(program, X86_64, 0x4000_0000), KILL_PROCESS);
    assert.equal(run(program, 0xc000_00b7, 63), KILL_PROCESS);
  });

  it("answers ENOSYS to calls newer than the profile", () => {
    assert.equal(run(program, X86_64, 500), errno(38));
    assert.equal(run(program, X86_64, numbers.get("futex_wait")! - 1), errno(1));
  });

  it("refuses what it cannot honour", () => {
    assert.throws(
      () => compileSeccomp({ ...profile, flags: ["SECCOMP_FILTER_FLAG_NEW_LISTENER"] }, "X86_64"),
      {
        code: "unimplemented",
      },
    );
    assert.throws(() => compileSeccomp({ defaultAction: "SCMP_ACT_NOTIFY" }, "X86_64"), {
      code: "unimplemented",
    });
    assert.throws(() => compileSeccomp({ defaultAction: "ALLOW" }, "X86_64"), { code: "invalid-argument" });
  });

  const holds = (
    { index, value, valueTwo = 0, op }: RuntimeSeccompArgument,
    args: readonly bigint[],
  ): boolean => {
    const given = args[index]!;
    const wanted = BigInt(value);
    switch (op) {
      case "SCMP_CMP_EQ":
        return given === wanted;
      case "SCMP_CMP_NE":
        return given !== wanted;
      case "SCMP_CMP_GT":
        return given > wanted;
      case "SCMP_CMP_GE":
        return given >= wanted;
      case "SCMP_CMP_LT":
        return given < wanted;
      case "SCMP_CMP_LE":
        return given <= wanted;
      default:
        return (given & wanted) === BigInt(valueTwo);
    }
  };

  it("agrees with a plain reading of any conditions", () => {
    const word = fc.oneof(
      fc.bigInt(0n, 3n),
      fc.bigInt(0n, 0xffff_ffff_ffff_ffffn),
      fc.constantFrom(1n << 32n, (1n << 32n) - 1n),
    );
    const condition = fc.record({
      index: fc.nat(2),
      value: word,
      valueTwo: word,
      op: fc.constantFrom("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ").map((name) => `SCMP_CMP_${name}`),
    });
    const rule = fc.uniqueArray(condition, { minLength: 1, maxLength: 3, selector: ({ index }) => index });
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 4 }), fc.tuple(word, word, word), (rules, args) => {
        const filter = compileSeccomp(
          {
            defaultAction: "SCMP_ACT_KILL_PROCESS",
            syscalls: rules.map((conditions, index) => ({
              names: ["openat"],
              action: "SCMP_ACT_ERRNO",
              errnoRet: index + 1,
              args: conditions,
            })),
          },
          "X86_64",
        );
        const first = rules.findIndex((conditions) => conditions.every((each) => holds(each, args)));
        const expected = first < 0 ? KILL_PROCESS : errno(first + 1);
        if (rules.length === 0) return;
        assert.equal(run(filter.program, X86_64, numbers.get("openat")!, args), expected);
      }),
      { numRuns: 300 },
    );
  });

  it("finds every call of a long list", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.constantFrom(...numbers.keys()), { minLength: 1 }), (names) => {
        const filter = compileSeccomp(
          { defaultAction: "SCMP_ACT_ERRNO", syscalls: [{ names, action: "SCMP_ACT_ALLOW" }] },
          "X86_64",
        );
        const newest = Math.max(...names.map((name) => numbers.get(name)!));
        for (const [name, number] of numbers) {
          const expected = names.includes(name) ? ALLOW : number > newest ? errno(38) : errno(1);
          assert.equal(run(filter.program, X86_64, number), expected, name);
        }
      }),
      { numRuns: 20 },
    );
  });
});
