import { configFault, shown } from "../config/check.ts";

const EPERM = 1;

/** Values of seccomp(2) by the standard's names. */
const ACTIONS: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0x0000_0000,
  SCMP_ACT_KILL_THREAD: 0x0000_0000,
  SCMP_ACT_KILL_PROCESS: 0x8000_0000,
  SCMP_ACT_TRAP: 0x0003_0000,
  SCMP_ACT_ERRNO: 0x0005_0000,
  SCMP_ACT_NOTIFY: 0x7fc0_0000,
  SCMP_ACT_TRACE: 0x7ff0_0000,
  SCMP_ACT_LOG: 0x7ffc_0000,
  SCMP_ACT_ALLOW: 0x7fff_0000,
};

/** The names of all actions. */
export const ACTION_NAMES: readonly string[] = Object.keys(ACTIONS);

/** Actions that carry a number: the error of the call, or the message to the tracer. */
const CARRIERS: readonly string[] = ["SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"];

/**
 * What a filter returns for an action; ERRNO and TRACE carry a number, EPERM where none is given.
 *
 * @param at pointer of the object that holds the action
 * @param fields the names of action and number in that object
 * @throws invalid-argument for an unknown action, and for a number with an action that carries none
 */
export function actionValue(
  action: string,
  errno: number | undefined,
  at: string,
  fields: { readonly action: string; readonly errno: string },
): number {
  const value = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (value === undefined) throw configFault(`${at}/${fields.action}`, `${shown(action)} is no action`);
  if (!CARRIERS.includes(action)) {
    // The standard demands an error: whoever wrote a number expects the call to fail with it.
    if (errno !== undefined) throw configFault(`${at}/${fields.errno}`, `means nothing for ${action}`);
    return value;
  }
  const number = errno ?? EPERM;
  // The kernel takes 16 bits, and treats errno numbers above 4095 as 4095.
  if (number > 0xffff) throw configFault(`${at}/${fields.errno}`, `${number} is above 65535`);
  return value + number;
}

/**
 * True for actions that keep a call from being made. TRACE is none: its tracer decides, also about calls that are newer
 * than the profile.
 */
export function isDenial(action: string): boolean {
  return /^SCMP_ACT_(?:KILL|ERRNO|TRAP)/.test(action);
}
