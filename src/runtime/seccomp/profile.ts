import type { RuntimeSeccomp, RuntimeSeccompArgument, RuntimeSeccompRule } from "../../spec/index.ts";
import { configFault, shown } from "../config/check.ts";
import { actionValue } from "./action.ts";
import { OPERATORS } from "./condition.ts";
import { isSyscallName } from "./syscalls.ts";

const AT = "/linux/seccomp";
const NOTIFY = "SCMP_ACT_NOTIFY";

/** A rule with what the filter returns for it. */
export interface ValuedRule extends RuntimeSeccompRule {
  readonly value: number;
}

/** A profile that has been checked. */
export interface CheckedProfile {
  /** What the filter returns where no rule fits. */
  readonly fallback: number;
  readonly rules: readonly ValuedRule[];
  /** Whether calls are left to an agent. */
  readonly notifies: boolean;
}

/**
 * Checks what the shape of the document cannot say.
 *
 * @throws invalid-argument with the pointer of the setting
 */
export function checkProfile(profile: RuntimeSeccomp): CheckedProfile {
  const fields = { action: "defaultAction", errno: "defaultErrnoRet" };
  const fallback = actionValue(profile.defaultAction, profile.defaultErrnoRet, AT, fields);
  if (profile.defaultAction === NOTIFY) {
    throw configFault(
      `${AT}/defaultAction`,
      `cannot be ${NOTIFY}`,
      "the process could not even hand its listener to the agent; name the calls in a rule",
    );
  }
  const rules = (profile.syscalls ?? []).map((rule, index) => {
    const at = `${AT}/syscalls/${index}`;
    checkArguments(rule.args ?? [], `${at}/args`);
    const value = actionValue(rule.action, rule.errnoRet, at, { action: "action", errno: "errnoRet" });
    if (rule.action === NOTIFY) checkNotified(rule.names, at);
    return { ...rule, value };
  });
  return { fallback, rules, notifies: rules.some(({ action }) => action === NOTIFY) };
}

function checkArguments(args: readonly RuntimeSeccompArgument[], at: string): void {
  for (const [index, { op }] of args.entries()) {
    if (!OPERATORS.includes(op)) throw configFault(`${at}/${index}/op`, `${shown(op)} is no operator`);
  }
}

function checkNotified(names: readonly string[], at: string): void {
  const index = names.indexOf("write");
  if (index < 0) return;
  throw configFault(
    `${at}/names/${index}`,
    `${NOTIFY} cannot be used for the write syscall`,
    "the process tells its runtime of the listener by it, and nobody could answer yet",
  );
}

/** Names that are no system calls of any architecture known here. They have no effect, as the standard has it. */
export function unknownSyscalls({ syscalls = [] }: RuntimeSeccomp): string[] {
  return [...new Set(syscalls.flatMap(({ names }) => names))].filter((name) => !isSyscallName(name));
}
