import {
  CortenError,
  type RuntimeSeccomp,
  type RuntimeSeccompArgument,
  type RuntimeSeccompRule,
} from "../../spec/index.ts";
import { actionValue, isDenial } from "./action.ts";
import {
  assemble,
  choose,
  DATA_ARCHITECTURE,
  DATA_NUMBER,
  type Instruction,
  jump,
  jumpEqual,
  load,
  MAX_INSTRUCTIONS,
  ret,
} from "./bpf.ts";
import { compileCondition, OPERATORS } from "./condition.ts";
import { type Architecture, syscallNumbers } from "./syscalls.ts";

const AT = "/linux/seccomp";
/** The bit in the number of a call by the x32 convention, which shares x86-64's architecture value. */
const X32_BIT = 0x4000_0000;
const KILL_PROCESS = 0x8000_0000;
const ERRNO_ENOSYS = 0x0005_0026;

const AUDIT: Readonly<Record<Exclude<Architecture, "X32">, number>> = {
  X86_64: 0xc000_003e,
  X86: 0x4000_0003,
  AARCH64: 0xc000_00b7,
};

const FLAGS: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
};

/** A filter and its flags, as seccomp(2) takes them. */
export interface CompiledFilter {
  readonly program: Uint8Array;
  readonly flags: number;
}

/** One outcome for a range of system call numbers: `first` up to the next range's. */
interface Range {
  readonly first: number;
  readonly code: readonly Instruction[];
}

/**
 * Compiles a seccomp profile (runtime-spec, config-linux.md "Seccomp") to a classic BPF program: the architecture is
 * checked, then a binary search over the number of the call leads to an action or to a chain of conditions. Names that an
 * architecture does not have are left out, as the standard has it; a call newer than every call that the profile
 * knows answers ENOSYS, so that programs fall back instead of failing.
 *
 * @param native the architecture of this machine: always part of the filter
 * @throws invalid-argument or unimplemented with the pointer of the setting
 */
export function compileSeccomp(profile: RuntimeSeccomp, native: "X86_64" | "AARCH64"): CompiledFilter {
  checkProfile(profile);
  const wanted = architecturesOf(profile, native);
  const program: Instruction[] = [load(DATA_ARCHITECTURE)];
  for (const architecture of ["X86_64", "X86", "AARCH64"] as const) {
    const hasX32 = architecture === "X86_64" && wanted.has("X32");
    if (!wanted.has(architecture) && !hasX32) continue;
    const table = wanted.has(architecture) ? search(rangesOf(profile, architecture)) : [ret(KILL_PROCESS)];
    const body = architecture === "X86_64" ? splitX32(profile, table, hasX32) : table;
    const block = [load(DATA_NUMBER), ...body];
    program.push(jumpEqual(AUDIT[architecture], 1, 0), jump(block.length), ...block);
  }
  program.push(ret(KILL_PROCESS));
  if (program.length > MAX_INSTRUCTIONS) {
    throw new CortenError(
      "resource-exhausted",
      `config.json: ${AT}: the filter has ${program.length} instructions, more than ${MAX_INSTRUCTIONS}`,
      { pointer: AT },
    );
  }
  return { program: assemble(program), flags: flagsOf(profile) };
}

function splitX32(profile: RuntimeSeccomp, table: readonly Instruction[], hasX32: boolean): Instruction[] {
  // Calls by a convention that the profile does not list would pass its rules by other numbers.
  const x32 = hasX32 ? search(rangesOf(profile, "X32")) : [ret(KILL_PROCESS)];
  return choose(X32_BIT, table, x32);
}

function checkProfile({ listenerPath, syscalls = [] }: RuntimeSeccomp): void {
  if (listenerPath !== undefined && listenerPath !== "") {
    throw new CortenError(
      "unimplemented",
      `config.json: ${AT}/listenerPath: a seccomp agent is not supported`,
      {
        pointer: `${AT}/listenerPath`,
      },
    );
  }
  for (const [index, { args = [] }] of syscalls.entries()) {
    for (const [position, { op }] of args.entries()) {
      if (OPERATORS.includes(op)) continue;
      const pointer = `${AT}/syscalls/${index}/args/${position}/op`;
      throw new CortenError(
        "invalid-argument",
        `config.json: ${pointer}: unknown operator "${op.slice(0, 40)}"`,
        { pointer },
      );
    }
  }
}

function architecturesOf({ architectures = [] }: RuntimeSeccomp, native: Architecture): Set<Architecture> {
  const wanted = new Set<Architecture>([native]);
  for (const [index, name] of architectures.entries()) {
    if (!/^SCMP_ARCH_[A-Z0-9_]+$/.test(name)) {
      const pointer = `${AT}/architectures/${index}`;
      throw new CortenError(
        "invalid-argument",
        `config.json: ${pointer}: unknown architecture "${name.slice(0, 40)}"`,
        {
          pointer,
        },
      );
    }
    const short = name.slice("SCMP_ARCH_".length);
    // Others cannot occur on this machine: their calls end at the last instruction.
    if (native === "X86_64" && (short === "X86" || short === "X32")) wanted.add(short);
  }
  return wanted;
}

function flagsOf({ flags = [] }: RuntimeSeccomp): number {
  let mask = 0;
  for (const [index, name] of flags.entries()) {
    const bit = Object.hasOwn(FLAGS, name) ? FLAGS[name]! : undefined;
    if (bit === undefined) {
      const pointer = `${AT}/flags/${index}`;
      throw new CortenError(
        "unimplemented",
        `config.json: ${pointer}: the flag "${name.slice(0, 60)}" is not supported`,
        {
          pointer,
        },
      );
    }
    mask |= bit;
  }
  return mask;
}

/** The outcome of each number, neighbours with the same outcome joined. */
function rangesOf(profile: RuntimeSeccomp, architecture: Architecture): Range[] {
  const numbers = syscallNumbers(architecture);
  const offset = architecture === "X32" ? X32_BIT : 0;
  const fallback = actionValue(profile.defaultAction, profile.defaultErrnoRet, `${AT}/defaultAction`);
  const outcomes = new Map<number, readonly Instruction[]>();
  let newest = -1;
  for (const [name, rules] of rulesByName(profile)) {
    const number = numbers.get(name);
    if (number === undefined) continue;
    newest = Math.max(newest, number);
    outcomes.set(number + offset, compileRules(rules, fallback));
  }
  const ranges: Range[] = [];
  const add = (first: number, code: readonly Instruction[]) => {
    const last = ranges.at(-1);
    if (last === undefined || !equal(last.code, code)) ranges.push({ first, code });
  };
  let next = offset;
  for (const number of [...outcomes.keys()].sort((one, other) => one - other)) {
    if (number > next || ranges.length === 0)
      add(next, number > next ? [ret(fallback)] : outcomes.get(number)!);
    add(number, outcomes.get(number)!);
    next = number + 1;
  }
  add(next, [ret(isDenial(profile.defaultAction) && newest >= 0 ? ERRNO_ENOSYS : fallback)]);
  return ranges;
}

type PlacedRule = RuntimeSeccompRule & { readonly value: number };

function rulesByName(profile: RuntimeSeccomp): Map<string, PlacedRule[]> {
  const byName = new Map<string, PlacedRule[]>();
  for (const [index, rule] of (profile.syscalls ?? []).entries()) {
    const value = actionValue(rule.action, rule.errnoRet, `${AT}/syscalls/${index}/action`);
    for (const name of rule.names) {
      const rules = byName.get(name);
      if (rules === undefined) byName.set(name, [{ ...rule, value }]);
      else rules.push({ ...rule, value });
    }
  }
  return byName;
}

/** Conditional rules in order, then the first unconditional one, then the default. */
function compileRules(rules: readonly PlacedRule[], fallback: number): Instruction[] {
  const code: Instruction[] = [];
  for (const { args = [], value } of rules) {
    for (const conditions of args.length === 0 ? [] : alternatives(args))
      code.push(...compileRule(conditions, value));
  }
  const unconditional = rules.find(({ args = [] }) => args.length === 0);
  code.push(ret(unconditional?.value ?? fallback));
  return code;
}

/** Conditions hold together; but two on one argument are alternatives, each a rule of its own, as in runc. */
function alternatives(
  args: readonly RuntimeSeccompArgument[],
): ReadonlyArray<readonly RuntimeSeccompArgument[]> {
  const distinct = new Set(args.map(({ index }) => index)).size === args.length;
  return distinct ? [args] : args.map((argument) => [argument]);
}

function compileRule(conditions: readonly RuntimeSeccompArgument[], value: number): Instruction[] {
  // From the last to the first, so that each knows how far it is to the end of the rule.
  let code: Instruction[] = [ret(value)];
  for (const condition of conditions.toReversed())
    code = [...compileCondition(condition, code.length), ...code];
  return code;
}

function equal(one: readonly Instruction[], other: readonly Instruction[]): boolean {
  return (
    one.length === 1 && other.length === 1 && one[0]!.code === other[0]!.code && one[0]!.k === other[0]!.k
  );
}

/** Binary search over the ranges. */
function search(ranges: readonly Range[]): Instruction[] {
  if (ranges.length === 1) return [...ranges[0]!.code];
  const middle = ranges.length >> 1;
  return choose(ranges[middle]!.first, search(ranges.slice(0, middle)), search(ranges.slice(middle)));
}
