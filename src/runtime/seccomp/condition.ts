import type { RuntimeSeccompArgument } from "../../spec/index.ts";
import { and, argumentOffsets, type Instruction, jumpAtLeast, jumpEqual, jumpGreater, load } from "./bpf.ts";

const HALF = 2 ** 32;

function halves(value: number | string): { low: number; high: number } {
  const whole = BigInt(value);
  return { low: Number(whole & 0xffff_ffffn), high: Number((whole >> 32n) % BigInt(HALF)) };
}

/** Marks where a jump leaves the condition: the distance is filled in once it is known. */
const FAIL = -1;
const PASS = -2;

/**
 * Code that goes on behind itself when the condition holds and `skip` instructions further when it does not. Numbers are
 * unsigned. Arguments of 64 bits are compared in two halves; of arguments with 32 bits there is only the lower one, and
 * only the lower half of `value` counts.
 */
export function compileCondition(
  condition: RuntimeSeccompArgument,
  bits: 32 | 64,
  skip: number,
): Instruction[] {
  const code = bits === 32 ? compareHalf(condition) : compareWhole(condition);
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

function compareWhole({ index, op, value, valueTwo = 0 }: RuntimeSeccompArgument): Instruction[] {
  const { low, high } = argumentOffsets(index);
  const v = halves(value);
  const [loadHigh, loadLow] = [load(high), load(low)];
  switch (op) {
    case "SCMP_CMP_EQ":
      return [loadHigh, jumpEqual(v.high, 0, FAIL), loadLow, jumpEqual(v.low, PASS, FAIL)];
    case "SCMP_CMP_NE":
      return [loadHigh, jumpEqual(v.high, 0, PASS), loadLow, jumpEqual(v.low, FAIL, PASS)];
    case "SCMP_CMP_MASKED_EQ": {
      const wanted = left(value, valueTwo);
      return [
        loadHigh,
        and(v.high),
        jumpEqual(wanted.high, 0, FAIL),
        loadLow,
        and(v.low),
        jumpEqual(wanted.low, PASS, FAIL),
      ];
    }
    default: {
      const greater = op === "SCMP_CMP_GT" || op === "SCMP_CMP_GE";
      return [
        loadHigh,
        jumpGreater(v.high, greater ? PASS : FAIL, 0),
        jumpEqual(v.high, 0, greater ? FAIL : PASS),
        loadLow,
        order(op, v.low),
      ];
    }
  }
}

function compareHalf({ index, op, value, valueTwo = 0 }: RuntimeSeccompArgument): Instruction[] {
  const loadLow = load(argumentOffsets(index).low);
  const { low } = halves(value);
  switch (op) {
    case "SCMP_CMP_EQ":
      return [loadLow, jumpEqual(low, PASS, FAIL)];
    case "SCMP_CMP_NE":
      return [loadLow, jumpEqual(low, FAIL, PASS)];
    case "SCMP_CMP_MASKED_EQ":
      return [loadLow, and(low), jumpEqual(left(value, valueTwo).low, PASS, FAIL)];
    default:
      return [loadLow, order(op, low)];
  }
}

/** What MASKED_EQ compares with: of `valueTwo` only the bits in the mask `value` count, as libseccomp has it. */
function left(value: number | string, valueTwo: number | string): { low: number; high: number } {
  return halves((BigInt(value) & BigInt(valueTwo)).toString());
}

/** The last step of GT, GE, LT and LE. */
function order(op: string, low: number): Instruction {
  switch (op) {
    case "SCMP_CMP_GT":
      return jumpGreater(low, PASS, FAIL);
    case "SCMP_CMP_GE":
      return jumpAtLeast(low, PASS, FAIL);
    case "SCMP_CMP_LT":
      return jumpAtLeast(low, FAIL, PASS);
    default:
      return jumpGreater(low, FAIL, PASS);
  }
}
