import { CortenError } from "../../spec/index.ts";

const units: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

/** A size as docker takes it: a number with b, k, m, g or t, all binary; `KiB` and `kb` mean `k`. */
export function bytes(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?(?:([bkmgt]?)(?:i?b)?)$/i.exec(text);
  const value = match === null ? Number.NaN : Math.floor(Number(match[1]) * units[match[2]!.toLowerCase()]!);
  if (!Number.isSafeInteger(value)) {
    throw new CortenError(
      "invalid-argument",
      `invalid value "${text}" for ${option}: a size is such as 512m or 2g`,
    );
  }
  return value;
}
