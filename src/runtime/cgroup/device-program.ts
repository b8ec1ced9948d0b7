import type { RuntimeDeviceRule } from "../../spec/index.ts";
import { type DeviceException, type DevicePolicy, devicePolicy, deviceSteps } from "./device-policy.ts";

/** Opcodes of eBPF (Documentation/bpf/standardization/instruction-set.rst), each with an immediate operand or none. */
export const Ebpf = {
  /** dst = *(u32 *)(src + offset) */
  LOAD_32: 0x61,
  /** dst = src, 64 bits */
  MOVE: 0xbf,
  /** dst = immediate */
  MOVE_IMMEDIATE: 0xb7,
  /** The low 32 bits; the high ones become 0. */
  AND_IMMEDIATE_32: 0x54,
  SHIFT_RIGHT_IMMEDIATE_32: 0x74,
  /** Skip `offset` instructions unless dst equals the immediate. */
  JUMP_UNEQUAL: 0x55,
  JUMP_EQUAL: 0x15,
  EXIT: 0x95,
} as const;

/** Registers: 0 the answer, 1 the context (struct bpf_cgroup_dev_ctx). */
const R = { answer: 0, context: 1, type: 2, access: 3, major: 4, minor: 5, scratch: 6 } as const;

/** BPF_DEVCG_DEV_* */
const TYPES = { b: 1, c: 2 } as const;
const ALL_ACCESS = 7;

type Instruction = readonly [opcode: number, dst: number, src: number, offset: number, immediate: number];

/**
 * Compiles a policy to an eBPF program of type CGROUP_DEVICE, which answers 1 to allow and 0 to refuse. It decides
 * as the devices controller of cgroup v1 does, exception by exception; undefined when there is nothing to refuse.
 */
export function deviceProgram(policy: DevicePolicy): Uint8Array | undefined {
  if (policy.allow && policy.exceptions.length === 0) return undefined;
  const code: Instruction[] = [
    [Ebpf.LOAD_32, R.type, R.context, 0, 0],
    [Ebpf.MOVE, R.access, R.type, 0, 0],
    [Ebpf.AND_IMMEDIATE_32, R.type, 0, 0, 0xffff],
    [Ebpf.SHIFT_RIGHT_IMMEDIATE_32, R.access, 0, 0, 16],
    [Ebpf.LOAD_32, R.major, R.context, 4, 0],
    [Ebpf.LOAD_32, R.minor, R.context, 8, 0],
  ];
  for (const exception of policy.exceptions) code.push(...branch(exception, policy.allow));
  code.push([Ebpf.MOVE_IMMEDIATE, R.answer, 0, 0, policy.allow ? 1 : 0], [Ebpf.EXIT, 0, 0, 0, 0]);
  return assemble(code);
}

/** Answers for what the exception is about, and falls through for everything else. */
function branch({ type, major, minor, access }: DeviceException, allow: boolean): Instruction[] {
  const tests: Instruction[] = [[Ebpf.JUMP_UNEQUAL, R.type, 0, 0, TYPES[type]]];
  if (major !== -1) tests.push([Ebpf.JUMP_UNEQUAL, R.major, 0, 0, major]);
  if (minor !== -1) tests.push([Ebpf.JUMP_UNEQUAL, R.minor, 0, 0, minor]);
  const copy: Instruction = [Ebpf.MOVE, R.scratch, R.access, 0, 0];
  if (allow) {
    // Refused when it asks for any of these; a question about no access at all is none.
    const and: Instruction = [Ebpf.AND_IMMEDIATE_32, R.scratch, 0, 0, access];
    tests.push(copy, and, [Ebpf.JUMP_EQUAL, R.scratch, 0, 0, 0]);
  } else if (access !== ALL_ACCESS) {
    const and: Instruction = [Ebpf.AND_IMMEDIATE_32, R.scratch, 0, 0, ALL_ACCESS & ~access];
    tests.push(copy, and, [Ebpf.JUMP_UNEQUAL, R.scratch, 0, 0, 0]);
  }
  const answer: Instruction[] = [
    [Ebpf.MOVE_IMMEDIATE, R.answer, 0, 0, allow ? 0 : 1],
    [Ebpf.EXIT, 0, 0, 0, 0],
  ];
  return [
    ...tests.map((instruction, index): Instruction => {
      const [opcode, dst, src, , immediate] = instruction;
      const jumps = opcode === Ebpf.JUMP_UNEQUAL || opcode === Ebpf.JUMP_EQUAL;
      return jumps ? [opcode, dst, src, tests.length - index - 1 + answer.length, immediate] : instruction;
    }),
    ...answer,
  ];
}

/** An array of struct bpf_insn; x86-64 and arm64 are little-endian. */
function assemble(code: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(code.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [index, [opcode, dst, src, offset, immediate]] of code.entries()) {
    view.setUint8(index * 8, opcode);
    view.setUint8(index * 8 + 1, dst | (src << 4));
    view.setInt16(index * 8 + 2, offset, true);
    view.setInt32(index * 8 + 4, immediate, true);
  }
  return bytes;
}

/** The program for the rules of a configuration: see {@link deviceProgram}. */
export function compileDeviceRules(rules?: readonly RuntimeDeviceRule[]): Uint8Array | undefined {
  return deviceProgram(devicePolicy(deviceSteps(rules)));
}
