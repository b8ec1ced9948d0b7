import { CortenError } from "../../spec/index.ts";

/** Signals by name without SIG: numbers on x86-64 and arm64. */
const NUMBERS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  IOT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  POLL: 29,
  PWR: 30,
  SYS: 31,
  RTMIN: 34,
  RTMAX: 64,
};

/**
 * The number of a signal given as `SIGTERM`, `term`, `15`, `SIGRTMIN+3` or a number.
 *
 * @throws invalid-argument naming what was given
 */
export function signalNumber(signal: string | number): number {
  const number = typeof signal === "number" ? signal : parse(signal);
  if (number === undefined || !Number.isInteger(number) || number < 0 || number > 64) {
    throw new CortenError("invalid-argument", `unknown signal "${String(signal).slice(0, 40)}"`, {
      hint: "give a name such as SIGTERM or a number from 1 to 64",
    });
  }
  return number;
}

function parse(text: string): number | undefined {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  const name = text.toUpperCase().replace(/^SIG/, "");
  if (Object.hasOwn(NUMBERS, name)) return NUMBERS[name];
  const match = /^RT(MIN\+|MAX-)(\d{1,2})$/.exec(name);
  if (match === null) return undefined;
  const offset = Number(match[2]);
  if (offset > 30) return undefined;
  return match[1] === "MIN+" ? 34 + offset : 64 - offset;
}
