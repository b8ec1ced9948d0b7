import type { RuntimeSeccompArgument } from "../../spec/index.ts";
import { and, argumentOffsets, type Instruction, jumpAtLeast, jumpEqual, jumpGreater, load } from "./bpf.ts";

const HALF = 2 ** 32;

function halves(value: number | bigint): { low: number; high: number } {
  const whole = BigInt(value);
  return { low: Number(whole & 0xffff_ffffn), high: Number((whole >> 32n) % BigInt(HALF)) };
}

/** Marks where a jump leaves the condition: the distance is filled in once it is known. */
const FAIL = -1;
const PASS = -2;

/**
 * Code that goes on behind itself when the condition holds and `skip` instructions further when it does not. Arguments
 * are 64 bits, compared as unsigned numbers in two halves of 32.
 */
export function compileCondition(
  { index, op, value, valueTwo = 0 }: RuntimeSeccompArgument,
  skip: number,
): Instruction[] {
  const { low, high } = argumentOffsets(index);
  const v = halves(value);
  const loadHigh = load(high);
  const loadLow = load(low);
  const code = ((): Instruction[] => {
    switch (op) {
      case "SCMP_CMP_EQ":
        return [loadHigh, jumpEqual(v.high, 0, FAIL), loadLow, jumpEqual(v.low, PASS, FAIL)];
      case "SCMP_CMP_NE":
        return [loadHigh, jumpEqual(v.high, 0, PASS), loadLow, jumpEqual(v.low, FAIL, PASS)];
      case "SCMP_CMP_GT":
        return [
          loadHigh,
          jumpGreater(v.high, PASS, 0),
          jumpEqual(v.high, 0, FAIL),
          loadLow,
          jumpGreater(v.low, PASS, FAIL),
        ];
      case "SCMP_CMP_GE":
        return [
          loadHigh,
          jumpGreater(v.high, PASS, 0),
          jumpEqual(v.high, 0, FAIL),
          loadLow,
          jumpAtLeast(v.low, PASS, FAIL),
        ];
      case "SCMP_CMP_LT":
        return [
          loadHigh,
          jumpGreater(v.high, FAIL, 0),
          jumpEqual(v.high, 0, PASS),
          loadLow,
          jumpAtLeast(v.low, FAIL, PASS),
        ];
      case "SCMP_CMP_LE":
        return [
          loadHigh,
          jumpGreater(v.high, FAIL, 0),
          jumpEqual(v.high, 0, PASS),
          loadLow,
          jumpGreater(v.low, FAIL, PASS),
        ];
      default: {
        // SCMP_CMP_MASKED_EQ: `value` is the mask, `valueTwo` what must be left.
        const wanted = halves(valueTwo);
        return [
          loadHigh,
          and(v.high),
          jumpEqual(wanted.high, 0, FAIL),
          loadLow,
          and(v.low),
          jumpEqual(wanted.low, PASS, FAIL),
        ];
      }
    }
  })();
  const resolve = (target: number, at: number) => {
    const rest = code.length - 1 - at;
    if (target === PASS) return rest;
    return target === FAIL ? rest + skip : target;
  };
  return code.map((instruction, at) => ({
    ...instruction,
    jt: resolve(instruction.jt, at),
    jf: resolve(instruction.jf, at),
  }));
}

/** Comparisons that a profile may name. */
export const OPERATORS = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"].map((name) => `SCMP_CMP_${name}`);
