import { CortenError } from "../../spec/index.ts";

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration as Go programs take it, `5s` or `1m30s`, in milliseconds. */
export function duration(option: string, text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const value = parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS[unit!]!, 0);
  if (parts.map(([whole]) => whole).join("") !== text || !(value > 0)) {
    throw new CortenError(
      "invalid-argument",
      `invalid value "${text}" for ${option}: a duration is such as 5s or 1m30s`,
    );
  }
  return value;
}
