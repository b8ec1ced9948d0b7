/** Classic BPF as seccomp(2) takes it: instructions {u16 code, u8 jt, u8 jf, u32 k} over struct seccomp_data. */

const LD_W_ABS = 0x20;
const ALU_AND_K = 0x54;
const JMP_JA = 0x05;
const JMP_JEQ_K = 0x15;
const JMP_JGT_K = 0x25;
const JMP_JGE_K = 0x35;
const RET_K = 0x06;

/** Instructions that the kernel takes in one program. */
export const MAX_INSTRUCTIONS = 4096;

/** Offsets in struct seccomp_data. */
export const DATA_NUMBER = 0;
export const DATA_ARCHITECTURE = 4;
const DATA_ARGUMENTS = 16;

/** One instruction; jumps count from the one that follows. */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

export const load = (offset: number): Instruction => ({ code: LD_W_ABS, jt: 0, jf: 0, k: offset });
export const and = (mask: number): Instruction => ({ code: ALU_AND_K, jt: 0, jf: 0, k: mask });
export const jump = (distance: number): Instruction => ({ code: JMP_JA, jt: 0, jf: 0, k: distance });
export const ret = (value: number): Instruction => ({ code: RET_K, jt: 0, jf: 0, k: value });
export const jumpEqual = (k: number, jt: number, jf: number): Instruction => ({ code: JMP_JEQ_K, jt, jf, k });
export const jumpGreater = (k: number, jt: number, jf: number): Instruction => ({
  code: JMP_JGT_K,
  jt,
  jf,
  k,
});
export const jumpAtLeast = (k: number, jt: number, jf: number): Instruction => ({
  code: JMP_JGE_K,
  jt,
  jf,
  k,
});

/** Offsets of the low and the high half of an argument; the data of all these architectures is little-endian. */
export function argumentOffsets(index: number): { readonly low: number; readonly high: number } {
  return { low: DATA_ARGUMENTS + index * 8, high: DATA_ARGUMENTS + index * 8 + 4 };
}

/**
 * `condition` at least `pivot` ? `above` : `below`. The distance of a conditional jump is one byte, so a longer way
 * goes over an unconditional jump.
 */
export function choose(
  pivot: number,
  below: readonly Instruction[],
  above: readonly Instruction[],
): Instruction[] {
  if (below.length <= 255) return [jumpAtLeast(pivot, below.length, 0), ...below, ...above];
  return [jumpAtLeast(pivot, 0, 1), jump(below.length), ...below, ...above];
}

/** The program in the kernel's form, struct sock_filter. */
export function assemble(program: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, { code, jt, jf, k }] of program.entries()) {
    const offset = index * 8;
    bytes.writeUInt16LE(code, offset);
    bytes.writeUInt8(jt, offset + 2);
    bytes.writeUInt8(jf, offset + 3);
    bytes.writeUInt32LE(k >>> 0, offset + 4);
  }
  return bytes;
}
