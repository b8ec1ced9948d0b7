/** What a filter answers for one system call; with `argument` only where that argument has one of `bits` set. */
export interface Rule {
  readonly call: number;
  readonly errno: number;
  readonly argument?: number;
  readonly bits?: number;
  /** Only where another argument has this value. */
  readonly when?: { readonly argument: number; readonly equals: number };
}

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, value: number];

const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_BITS = 0x45;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
const ERRNO = 0x00050000;

/** An array of sock_filter. */
export function assemble(instructions: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(instructions.length * 8);
  for (const [index, [code, jumpTrue, jumpFalse, value]] of instructions.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes[index * 8 + 2] = jumpTrue;
    bytes[index * 8 + 3] = jumpFalse;
    bytes.writeUInt32LE(value >>> 0, index * 8 + 4);
  }
  return bytes;
}

/** The low half of a system call's argument in struct seccomp_data. */
const loadArgument = (argument: number): Instruction => [LOAD, 0, 0, 16 + argument * 8];

/** A filter that answers these calls with an errno and allows everything else. */
export function answering(rules: readonly Rule[]): Uint8Array {
  const program: Instruction[] = [];
  for (const { call, errno, argument, bits, when } of rules) {
    const tests: Instruction[][] = [];
    if (when !== undefined) tests.push([loadArgument(when.argument), [JUMP_EQUAL, 0, -1, when.equals]]);
    if (argument !== undefined) tests.push([loadArgument(argument), [JUMP_BITS, 0, -1, bits ?? 0]]);
    const body: Instruction[] = [
      [LOAD, 0, 0, 0],
      [JUMP_EQUAL, 0, -1, call],
      ...tests.flat(),
      [RETURN, 0, 0, ERRNO | errno],
    ];
    // A test that fails goes on behind the rule.
    for (const [index, [code, jumpTrue, jumpFalse, value]] of body.entries()) {
      program.push([code, jumpTrue, jumpFalse < 0 ? body.length - index - 1 : jumpFalse, value]);
    }
  }
  return assemble([...program, [RETURN, 0, 0, ALLOW]]);
}
