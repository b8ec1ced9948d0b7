import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { RuntimeSeccomp, RuntimeSeccompArgument } from "../../spec/index.ts";
import { compileSeccomp } from "./compile.ts";
import { unknownSyscalls } from "./profile.ts";
import { syscallNumbers } from "./syscalls.ts";
import { runFilter as run } from "./testing-bpf.ts";

const X86_64 = 0xc000_003e;
const X86 = 0x4000_0003;
const ALLOW = 0x7fff_0000;
const KILL_PROCESS = 0x8000_0000;
const errno = (number: number) => 0x0005_0000 + number;

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
        code: "invalid-argument",
        pointer: "/linux/seccomp/flags/0",
      },
    );
    assert.throws(() => compileSeccomp({ defaultAction: "SCMP_ACT_NOTIFY" }, "X86_64"), {
      code: "invalid-argument",
      pointer: "/linux/seccomp/defaultAction",
    });
    assert.throws(() => compileSeccomp({ defaultAction: "ALLOW" }, "X86_64"), { code: "invalid-argument" });
  });

  it("names the setting at fault", () => {
    const allow = (change: object) => ({ names: ["read"], action: "SCMP_ACT_ALLOW", ...change });
    const errno = "SCMP_ACT_ERRNO";
    for (const [pointer, change] of [
      ["/defaultAction", { defaultAction: "ALLOW" }],
      ["/defaultErrnoRet", { defaultAction: "SCMP_ACT_ALLOW", defaultErrnoRet: 1 }],
      ["/defaultErrnoRet", { defaultAction: errno, defaultErrnoRet: 65_536 }],
      ["/architectures/1", { architectures: ["SCMP_ARCH_X86", "SCMP_ARCH_TOASTER"] }],
      ["/flags/0", { flags: ["SECCOMP_FILTER_FLAG_NO"] }],
      ["/syscalls/0/action", { syscalls: [allow({ action: "constructor" })] }],
      ["/syscalls/0/errnoRet", { syscalls: [allow({ errnoRet: 0 })] }],
      [
        "/syscalls/1/args/0/op",
        { syscalls: [allow({}), allow({ args: [{ index: 0, value: 0, op: "EQ" }] })] },
      ],
      ["/syscalls/0/names/1", { syscalls: [allow({ names: ["read", "write"], action: "SCMP_ACT_NOTIFY" })] }],
      ["/listenerPath", { syscalls: [allow({ action: "SCMP_ACT_NOTIFY" })] }],
      ["/listenerPath", { syscalls: [allow({ action: "SCMP_ACT_NOTIFY" })], listenerPath: "agent" }],
    ] as const) {
      assert.throws(() => compileSeccomp({ defaultAction: "SCMP_ACT_KILL", ...change }, "X86_64"), {
        code: "invalid-argument",
        pointer: `/linux/seccomp${pointer}`,
      });
    }
  });

  it("has flags as seccomp(2) wants them", () => {
    const flags = (names: string[] | undefined, action = "SCMP_ACT_TRAP") =>
      compileSeccomp(
        {
          defaultAction: "SCMP_ACT_ALLOW",
          listenerPath: "/a",
          syscalls: [{ names: ["mkdir"], action }],
          ...(names === undefined ? {} : { flags: names.map((name) => `SECCOMP_FILTER_FLAG_${name}`) }),
        },
        "X86_64",
      );
    assert.equal(flags(undefined).flags, 4);
    assert.equal(flags([]).flags, 0);
    assert.equal(flags(["TSYNC", "LOG", "SPEC_ALLOW"]).flags, 7);
    assert.equal(flags(["WAIT_KILLABLE_RECV"]).flags, 0);
    assert.equal(flags(undefined).listener, undefined);
    assert.equal(flags(undefined, "SCMP_ACT_NOTIFY").flags, 12);
    assert.equal(flags(["TSYNC", "WAIT_KILLABLE_RECV"], "SCMP_ACT_NOTIFY").flags, 1 + 8 + 16 + 32);
    assert.deepEqual(flags([], "SCMP_ACT_NOTIFY").listener, { path: "/a", metadata: "" });
  });

  it("answers ENOSYS only where the default would deny, and never for a profile without names", () => {
    const answer = (change: Partial<RuntimeSeccomp>) =>
      run(compileSeccomp({ ...profile, ...change }, "X86_64").program, X86_64, 999);
    assert.equal(answer({ defaultAction: "SCMP_ACT_KILL_PROCESS" }), errno(38));
    assert.equal(answer({ defaultAction: "SCMP_ACT_TRAP" }), errno(38));
    assert.equal(answer({ defaultAction: "SCMP_ACT_TRACE", defaultErrnoRet: 5 }), 0x7ff0_0005);
    assert.equal(answer({ defaultAction: "SCMP_ACT_LOG" }), 0x7ffc_0000);
    assert.equal(answer({ syscalls: [] }), errno(1));
  });

  it("counts names that no architecture has", () => {
    const names = ["read", "arm_fadvise64_64", "no_such_call", "", "reads", "no_such_call"];
    assert.deepEqual(unknownSyscalls({ ...profile, syscalls: [{ names, action: "SCMP_ACT_ALLOW" }] }), [
      "no_such_call",
      "",
      "reads",
    ]);
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
        return (given & wanted) === (BigInt(valueTwo) & wanted);
    }
  };

  it("agrees with a plain reading of any conditions", () => {
    const word = fc.oneof(
      fc.bigInt(0n, 3n),
      fc.bigInt(0n, 0xffff_ffff_ffff_ffffn),
      fc.constantFrom(1n << 32n, (1n << 32n) - 1n),
    );
    const written = word.map((value) => (value > 2n ** 53n ? `${value}` : Number(value)));
    const condition = fc.record({
      index: fc.nat(2),
      value: written,
      valueTwo: written,
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
