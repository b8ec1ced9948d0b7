/**
 * /etc/passwd and /etc/group of an image: hostile text (CVE-2026-47262, CVE-2022-4318). Lines are read as
 * passwd(5) and group(5) have them; a line that is not well formed says nothing.
 */

/** More than this of a file is not read. */
export const MAX_ACCOUNT_FILE = 1024 * 1024;

/** Largest user and group number that is used: 2^32-1 means "no change" to the kernel, and what is above 2^31-1 is negative to many programs. */
export const MAX_ID = 2 ** 31 - 1;

export interface UserEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

export interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

export function parsePasswd(text: string): UserEntry[] {
  return lines(text).flatMap((fields) => {
    const [name = "", , uid = "", gid = "", , home = ""] = fields;
    const ids = [parseId(uid), parseId(gid)];
    if (fields.length < 4 || name === "" || ids[0] === undefined || ids[1] === undefined) return [];
    return [{ name, uid: ids[0], gid: ids[1], home }];
  });
}

export function parseGroup(text: string): GroupEntry[] {
  return lines(text).flatMap((fields) => {
    const [name = "", , gid = "", members = ""] = fields;
    const id = parseId(gid);
    if (fields.length < 3 || name === "" || id === undefined) return [];
    return [{ name, gid: id, members: members.split(",").filter((member) => member !== "") }];
  });
}

/** A number of at most {@link MAX_ID} in decimal digits; undefined for anything else. */
export function parseId(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= MAX_ID ? id : undefined;
}

function lines(text: string): string[][] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}
