import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { RuntimeDeviceRule } from "../../spec/index.ts";
import {
  DeviceAccess,
  type DeviceStep,
  devicePolicy,
  deviceSteps,
  deviceTransition,
} from "./device-policy.ts";
import { deviceProgram } from "./device-program.ts";

interface Question {
  readonly type: "b" | "c";
  readonly major: number;
  readonly minor: number;
  readonly access: number;
}

/** What a program answers: a small machine for the instructions that the kernel would run. */
function ask(program: Uint8Array | undefined, { type, major, minor, access }: Question): boolean {
  if (program === undefined) return true;
  const view = new DataView(program.buffer);
  const context = [(access << 16) | (type === "b" ? 1 : 2), major, minor];
  const r = new Array<bigint>(11).fill(0n);
  for (let at = 0; ; at++) {
    const opcode = view.getUint8(at * 8);
    const [dst, src] = [view.getUint8(at * 8 + 1) & 15, view.getUint8(at * 8 + 1) >> 4];
    const offset = view.getInt16(at * 8 + 2, true);
    const immediate = view.getInt32(at * 8 + 4, true);
    switch (opcode) {
      case 0x61:
        assert.equal(src, 1, "only the context is read");
        r[dst] = BigInt(context[offset / 4]! >>> 0);
        break;
      case 0xbf:
        r[dst] = r[src]!;
        break;
      case 0xb7:
        r[dst] = BigInt(immediate);
        break;
      case 0x54:
        r[dst] = r[dst]! & BigInt(immediate >>> 0) & 0xffff_ffffn;
        break;
      case 0x74:
        r[dst] = (r[dst]! & 0xffff_ffffn) >> BigInt(immediate);
        break;
      case 0x55:
        if (r[dst] !== BigInt(immediate)) at += offset;
        break;
      case 0x15:
        if (r[dst] === BigInt(immediate)) at += offset;
        break;
      case 0x95:
        return r[0] === 1n;
      default:
        assert.fail(`opcode ${opcode.toString(16)}`);
    }
  }
}

/** The devices controller of v1, written down anew after security/device_cgroup.c. */
function controller(steps: readonly DeviceStep[], question: Question): boolean {
  let allow = true;
  let list: Array<{ type: string; major: string; minor: string; access: Set<string> }> = [];
  for (const { file, entry } of steps) {
    if (entry === "a") {
      allow = file === "allow";
      list = [];
      continue;
    }
    const [type, major, minor, access] = entry.split(/[ :]/) as [string, string, string, string];
    const same = list.find((one) => one.type === type && one.major === major && one.minor === minor);
    if ((file === "allow") === allow) for (const letter of access) same?.access.delete(letter);
    else if (same === undefined) list.push({ type, major, minor, access: new Set(access) });
    else for (const letter of access) same.access.add(letter);
    list = list.filter((one) => one.access.size > 0);
  }
  const asked = [..."rwm"].filter((letter) => question.access & DeviceAccess[letter as "r"]);
  const matching = list.filter(
    ({ type, major, minor }) =>
      type === question.type &&
      (major === "*" || Number(major) === question.major) &&
      (minor === "*" || Number(minor) === question.minor),
  );
  return allow
    ? !matching.some(({ access }) => asked.some((letter) => access.has(letter)))
    : matching.some(({ access }) => asked.every((letter) => access.has(letter)));
}

const numbers = fc.constantFrom(0, 1, 3, 5, 8, 136, 254);
const rule: fc.Arbitrary<RuntimeDeviceRule> = fc.record(
  {
    allow: fc.boolean(),
    type: fc.constantFrom("a", "c", "b"),
    major: fc.oneof(numbers, fc.constant(-1)),
    minor: fc.oneof(numbers, fc.constant(-1)),
    access: fc.constantFrom("r", "w", "m", "rw", "rwm", "wm", ""),
  },
  { requiredKeys: ["allow"] },
);
const question: fc.Arbitrary<Question> = fc.record({
  type: fc.constantFrom("b", "c"),
  major: fc.oneof(numbers, fc.integer({ min: 0, max: 0xfff })),
  minor: fc.oneof(numbers, fc.integer({ min: 0, max: 0xfffff })),
  access: fc.integer({ min: 0, max: 7 }),
});
const rules = fc.array(rule, { maxLength: 8 });
const questions = fc.array(question, { minLength: 1, maxLength: 20 });

describe("the device filter of cgroup v2", () => {
  it("answers as the devices controller of v1 does", () => {
    fc.assert(
      fc.property(rules, questions, (list, asked) => {
        const steps = deviceSteps(list);
        const program = deviceProgram(devicePolicy(steps));
        for (const one of asked) assert.equal(ask(program, one), controller(steps, one), JSON.stringify(one));
      }),
      { numRuns: 1000 },
    );
  });

  it("allows the devices of a usual /dev and nothing else by default", () => {
    const program = deviceProgram(devicePolicy(deviceSteps([{ allow: false, access: "rwm" }])));
    const may = (type: "b" | "c", major: number, minor: number, access: number) =>
      ask(program, { type, major, minor, access });
    assert.equal(may("c", 1, 3, 6), true);
    assert.equal(may("c", 136, 77, 6), true);
    assert.equal(may("c", 10, 200, 7), true);
    assert.equal(may("b", 8, 0, DeviceAccess.m), true);
    assert.equal(may("b", 8, 0, DeviceAccess.r), false);
    assert.equal(may("c", 1, 1, DeviceAccess.r), false);
    assert.equal(deviceProgram(devicePolicy(deviceSteps([{ allow: true }]))), undefined);
  });

  it("has no instruction that cannot be reached: the verifier would refuse it", () => {
    fc.assert(
      fc.property(rules, (list) => {
        const program = deviceProgram(devicePolicy(deviceSteps(list)));
        if (program === undefined) return;
        const view = new DataView(program.buffer);
        const reached = new Set<number>();
        const waiting = [0];
        for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
          if (reached.has(at)) continue;
          reached.add(at);
          const opcode = view.getUint8(at * 8);
          if (opcode === 0x95) continue;
          if (opcode === 0x55 || opcode === 0x15) waiting.push(at + 1 + view.getInt16(at * 8 + 2, true));
          waiting.push(at + 1);
        }
        assert.equal(reached.size, program.length / 8);
      }),
    );
  });
});

describe("a change of device rules on v1", () => {
  it("ends where the new rules would have, and refuses nothing on the way that both allow", () => {
    fc.assert(
      fc.property(rules, rules, questions, (before, after, asked) => {
        const [from, to] = [deviceSteps(before), deviceSteps(after)];
        const change = deviceTransition(devicePolicy(from), to);
        for (const one of asked) {
          assert.equal(controller([...from, ...change], one), controller(to, one));
          if (change === to || !controller(from, one) || !controller(to, one)) continue;
          for (let count = 1; count < change.length; count++) {
            assert.ok(controller([...from, ...change.slice(0, count)], one), `after step ${count}`);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});
