import { configFault, shown } from "./check.ts";

/**
 * Reads a list of CPUs or memory nodes as the kernel writes them: "0-3,7".
 *
 * @returns the numbers' ranges, in the order given
 * @throws invalid-argument for another grammar, a range that runs backwards, or a number above `most`
 */
export function numberSet(list: string, most: number, at: string): ReadonlyArray<readonly [number, number]> {
  const parts = list.split(",");
  if (parts.length > 1024) throw configFault(at, "lists more than 1024 ranges");
  return parts.map((part) => {
    const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part.trim());
    if (match === null) throw configFault(at, `must be a list such as 0-3,7, not ${shown(list)}`);
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    if (last < first) throw configFault(at, `has a range that runs backwards: ${shown(part)}`);
    if (last > most) throw configFault(at, `names ${last}, beyond the highest possible number ${most}`);
    return [first, last] as const;
  });
}

/** The list as a bit mask of whole 8-byte words, the lowest number first: what the kernel's calls take. */
export function numberMask(list: string, most: number, at: string): Uint8Array {
  const ranges = numberSet(list, most, at);
  const highest = Math.max(...ranges.map(([, last]) => last));
  const mask = new Uint8Array((Math.floor(highest / 64) + 1) * 8);
  for (const [first, last] of ranges) {
    for (let number = first; number <= last; number++) mask[number >> 3]! |= 1 << (number & 7);
  }
  return mask;
}
