import { CortenError } from "../../spec/index.ts";

const EPERM = 1;

/** Values of seccomp(2) by the standard's names. */
const ACTIONS: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0x0000_0000,
  SCMP_ACT_KILL_THREAD: 0x0000_0000,
  SCMP_ACT_KILL_PROCESS: 0x8000_0000,
  SCMP_ACT_TRAP: 0x0003_0000,
  SCMP_ACT_ERRNO: 0x0005_0000,
  SCMP_ACT_TRACE: 0x7ff0_0000,
  SCMP_ACT_LOG: 0x7ffc_0000,
  SCMP_ACT_ALLOW: 0x7fff_0000,
};

/** The names of all actions that can be compiled. */
export const ACTION_NAMES: readonly string[] = Object.keys(ACTIONS);

/** What a filter returns for an action; ERRNO and TRACE carry a number, EPERM where none is given. */
export function actionValue(action: string, errno: number | undefined, pointer: string): number {
  if (action === "SCMP_ACT_NOTIFY") {
    throw new CortenError("unimplemented", `config.json: ${pointer}: SCMP_ACT_NOTIFY is not supported`, {
      pointer,
    });
  }
  const value = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (value === undefined) {
    throw new CortenError(
      "invalid-argument",
      `config.json: ${pointer}: unknown action "${action.slice(0, 40)}"`,
      { pointer },
    );
  }
  const carries = action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE";
  if (!carries) return value;
  const number = errno ?? EPERM;
  // The kernel takes 16 bits, and treats errno numbers above 4095 as 4095.
  if (number > 0xffff) {
    throw new CortenError("invalid-argument", `config.json: ${pointer}: errnoRet ${number} is above 65535`, {
      pointer,
    });
  }
  return value + number;
}

/** True for actions that keep a call from being made. */
export function isDenial(action: string): boolean {
  return /^SCMP_ACT_(?:KILL|ERRNO|TRAP)/.test(action);
}
