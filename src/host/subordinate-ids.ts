import { readFileSync } from "node:fs";

/** A range of ids that a user may map in its user namespaces (subuid(5)). */
export interface SubordinateRange {
  readonly first: number;
  readonly count: number;
}

/** The ranges of a user in /etc/subuid or /etc/subgid, where it is named or stands as a number; none without the file. */
export function readSubordinateRanges(
  file: string,
  user: { readonly name?: string; readonly uid: number },
): SubordinateRange[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return parseSubordinateRanges(text, user);
}

/** Lines are `USER:FIRST:COUNT`; others are passed over, as newuidmap does. */
export function parseSubordinateRanges(
  text: string,
  { name, uid }: { readonly name?: string; readonly uid: number },
): SubordinateRange[] {
  return text.split("\n").flatMap((line) => {
    const match = /^([^:]+):(\d{1,10}):(\d{1,10})$/.exec(line.trim());
    if (match === null || (match[1] !== name && match[1] !== `${uid}`)) return [];
    const [first, count] = [Number(match[2]), Number(match[3])];
    return count > 0 && first + count < 2 ** 32 ? [{ first, count }] : [];
  });
}
