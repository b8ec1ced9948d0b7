import { CortenError, type RuntimeSeccomp, type RuntimeSeccompArgument } from "../../spec/index.ts";
import { configFault } from "../config/check.ts";
import { isDenial } from "./action.ts";
import { CONVENTIONS, chooseArchitectures, type NativeArchitecture } from "./architecture.ts";
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
import { compileCondition } from "./condition.ts";
import { flagBits } from "./flags.ts";
import { detourOf } from "./multiplexed.ts";
import { type CheckedProfile, checkProfile, type ValuedRule } from "./profile.ts";
import { type Architecture, syscallNumbers } from "./syscalls.ts";

const AT = "/linux/seccomp";
/** The bit in the number of a call by the x32 convention, which shares x86-64's architecture value. */
const X32_BIT = 0x4000_0000;
/** The number -1 is no call of any convention: a tracer puts it in the place of a call that is not to be made. */
const NO_CALL = 0xffff_ffff;
const KILL_PROCESS = 0x8000_0000;
const ERRNO_ENOSYS = 0x0005_0026;
/** From here on numbers are private to ARM, and say nothing about a profile's age. */
const PRIVATE = 0xf_0000;

/** A filter and its flags, as seccomp(2) takes them. */
export interface CompiledFilter {
  readonly program: Uint8Array;
  readonly flags: number;
  /** The agent that answers for calls with SCMP_ACT_NOTIFY. */
  readonly listener?: { readonly path: string; readonly metadata: string };
}

/** One outcome for a range of system call numbers: `first` up to the next range's. */
interface Range {
  readonly first: number;
  readonly code: readonly Instruction[];
}

/**
 * Compiles a seccomp profile (runtime-spec, config-linux.md "Seccomp") to a classic BPF program: the architecture is
 * checked, then a binary search over the number of the call leads to an action or to a chain of conditions.
 *
 * What the standard leaves open is as libseccomp and runc have it, so that a profile means the same everywhere. Of
 * several rules for one call:
 * - one that does the same as the default action counts for nothing;
 * - the first without conditions wins over all others;
 * - otherwise the first whose conditions hold, in the order of the profile. libseccomp has an order of its own where
 *   conditions overlap and actions differ.
 *
 * Two answers are stricter or kinder on purpose. Calls of an architecture that is not listed end the process, not only
 * the thread. A call newer than every call that the profile knows answers ENOSYS where the default would deny it, so
 * that programs fall back instead of failing (runc's rule).
 *
 * Names that an architecture does not have are left out.
 *
 * @param native the architecture of this machine: always part of the filter
 * @throws invalid-argument with the pointer of the setting, resource-exhausted for a filter that the kernel would refuse
 */
export function compileSeccomp(profile: RuntimeSeccomp, native: NativeArchitecture): CompiledFilter {
  const checked = checkProfile(profile);
  const wanted = chooseArchitectures(profile.architectures ?? [], native);
  const future = futureOf(profile, checked);
  const program: Instruction[] = [load(DATA_ARCHITECTURE)];
  for (const architecture of ["X86_64", "X86", "AARCH64", "ARM"] as const) {
    if (!wanted.has(architecture)) continue;
    const table = search(rangesOf(checked, architecture, future));
    const body = architecture === "X86_64" ? splitX32(checked, table, wanted.has("X32"), future) : table;
    const block = [load(DATA_NUMBER), ...body];
    program.push(jumpEqual(CONVENTIONS[architecture].audit, 1, 0), jump(block.length), ...block);
  }
  program.push(ret(KILL_PROCESS));
  if (program.length > MAX_INSTRUCTIONS) {
    throw new CortenError(
      "resource-exhausted",
      `config.json: ${AT}: the filter has ${program.length} instructions, more than ${MAX_INSTRUCTIONS}`,
      { pointer: AT },
    );
  }
  return {
    program: assemble(program),
    flags: flagBits(profile.flags, checked.notifies),
    ...(checked.notifies ? { listener: listenerOf(profile) } : {}),
  };
}

/** An agent that has nothing to answer is not looked for. */
function listenerOf({ listenerPath = "", listenerMetadata = "" }: RuntimeSeccomp): {
  path: string;
  metadata: string;
} {
  if (listenerPath === "") {
    throw configFault(`${AT}/listenerPath`, "is missing, but a rule has SCMP_ACT_NOTIFY");
  }
  if (!listenerPath.startsWith("/")) throw configFault(`${AT}/listenerPath`, "must be an absolute path");
  return { path: listenerPath, metadata: listenerMetadata };
}

/** What calls get that are newer than the profile. */
function futureOf(profile: RuntimeSeccomp, { fallback }: CheckedProfile): number {
  return isDenial(profile.defaultAction) ? ERRNO_ENOSYS : fallback;
}

function splitX32(
  profile: CheckedProfile,
  table: readonly Instruction[],
  hasX32: boolean,
  future: number,
): Instruction[] {
  if (hasX32) return choose(X32_BIT, table, search(rangesOf(profile, "X32", future)));
  // Calls by a convention that the profile does not list would pass its rules by other numbers.
  return choose(X32_BIT, table, [jumpEqual(NO_CALL, 0, 1), ret(future), ret(KILL_PROCESS)]);
}

/** The outcome of each number, neighbours with the same outcome joined. */
function rangesOf(profile: CheckedProfile, architecture: Architecture, future: number): Range[] {
  const numbers = syscallNumbers(architecture);
  const offset = architecture === "X32" ? X32_BIT : 0;
  const { fallback } = profile;
  const { bits } = CONVENTIONS[architecture];
  const outcomes = new Map<number, readonly Instruction[]>();
  let newest = -1;
  for (const [name, rules] of rulesByName(profile.rules, architecture)) {
    const number = numbers.get(name);
    if (number === undefined) continue;
    if (number < PRIVATE) newest = Math.max(newest, number + offset);
    outcomes.set(number + offset, compileRules(rules, fallback, bits));
  }
  // A profile that names no call at all says nothing about its age.
  const between = (number: number) => [ret(newest >= 0 && number > newest ? future : fallback)];
  const ranges: Range[] = [];
  const add = (first: number, code: readonly Instruction[]) => {
    const last = ranges.at(-1);
    if (last === undefined || !equal(last.code, code)) ranges.push({ first, code });
  };
  let next = offset;
  for (const number of [...outcomes.keys()].sort((one, other) => one - other)) {
    if (number > next) add(next, between(next));
    add(number, outcomes.get(number)!);
    next = number + 1;
  }
  add(next, between(next));
  return ranges;
}

function rulesByName(rules: readonly ValuedRule[], architecture: Architecture): Map<string, ValuedRule[]> {
  const byName = new Map<string, ValuedRule[]>();
  const add = (name: string, rule: ValuedRule) => {
    const known = byName.get(name);
    if (known === undefined) byName.set(name, [rule]);
    else known.push(rule);
  };
  for (const rule of rules) {
    for (const args of alternatives(rule.args ?? [])) {
      for (const name of rule.names) {
        add(name, { ...rule, args });
        const detour = architecture === "X86" ? detourOf(name, args) : undefined;
        if (detour !== undefined) add(detour.name, { ...rule, args: detour.args });
      }
    }
  }
  return byName;
}

/** Conditions hold together; but two on one argument are alternatives, each a rule of its own, as in runc. */
function alternatives(
  args: readonly RuntimeSeccompArgument[],
): ReadonlyArray<readonly RuntimeSeccompArgument[]> {
  const distinct = new Set(args.map(({ index }) => index)).size === args.length;
  return distinct ? [args] : args.map((argument) => [argument]);
}

function compileRules(rules: readonly ValuedRule[], fallback: number, bits: 32 | 64): Instruction[] {
  const effective = rules.filter(({ value }) => value !== fallback);
  const unconditional = effective.find(({ args = [] }) => args.length === 0);
  if (unconditional !== undefined) return [ret(unconditional.value)];
  return [...effective.flatMap(({ args = [], value }) => compileRule(args, value, bits)), ret(fallback)];
}

function compileRule(
  conditions: readonly RuntimeSeccompArgument[],
  value: number,
  bits: 32 | 64,
): Instruction[] {
  // From the last to the first, so that each knows how far it is to the end of the rule.
  let code: Instruction[] = [ret(value)];
  for (const condition of conditions.toReversed())
    code = [...compileCondition(condition, bits, code.length), ...code];
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
