import { CortenError } from "../../spec/index.ts";
import { MAX_ID, parseGroup, parseId, parsePasswd, type UserEntry } from "./accounts.ts";

/** The two files as the container's root file system has them; undefined where there is none. */
export interface AccountFiles {
  readonly passwd: string | undefined;
  readonly group: string | undefined;
}

/** Whom a process runs as. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** The primary group is always among them: a process without it would pass "negative" group permissions (CVE-2022-36109). */
  readonly additionalGids: readonly number[];
  /** The home directory that passwd gives the user; `/root` for root, else `/`, where it gives none. */
  readonly home: string;
}

/**
 * Resolves `USER[:GROUP]` (image-spec, config.md "User"; conversion.md). Without `manyGroups` the user has no additional
 * groups: the kernel grants none where an ordinary user maps a single one.
 *
 * What consists of digits is a number and never looked up as a name (CVE-2016-3697); a number that is too large is
 * an error and never falls back to a name (CVE-2024-40635, CVE-2026-46680). A user who is given as a number need
 * not be in passwd; his group is then 0. Supplementary groups come from group(5), and only where no group is named.
 *
 * @param text empty: root
 * @throws invalid-argument for a name that the files do not have, and for numbers out of range
 */
export function resolveUser(text: string, files: AccountFiles, manyGroups = true): ResolvedUser {
  const user = resolveWithGroups(text, files);
  return manyGroups ? user : { ...user, additionalGids: [] };
}

function resolveWithGroups(text: string, files: AccountFiles): ResolvedUser {
  const colon = text.indexOf(":");
  const userPart = colon < 0 ? text : text.slice(0, colon);
  const groupPart = colon < 0 ? undefined : text.slice(colon + 1);
  if (groupPart === "" || groupPart?.includes(":")) throw refuse(text, "want USER or USER:GROUP");

  const entry = findUser(userPart, text, files);
  const gid = groupPart === undefined ? (entry?.gid ?? 0) : findGroup(groupPart, text, files);
  const uid = entry?.uid ?? parseId(userPart) ?? 0;
  const named = groupPart === undefined && entry !== undefined ? memberships(entry.name, files) : [];
  const home = entry?.home ?? "";
  return {
    uid,
    gid,
    additionalGids: [...new Set([gid, ...named])],
    home: isHome(home) ? home : uid === 0 ? "/root" : "/",
  };
}

function findUser(part: string, text: string, files: AccountFiles): UserEntry | undefined {
  const entries = files.passwd === undefined ? [] : parsePasswd(files.passwd);
  if (isNumeric(part)) {
    const uid = number(part, text);
    return entries.find((entry) => entry.uid === uid);
  }
  if (part === "") return entries.find(({ uid }) => uid === 0);
  const entry = entries.find(({ name }) => name === part);
  if (entry === undefined) throw refuse(text, `the image's /etc/passwd has no user "${shown(part)}"`);
  return entry;
}

function findGroup(part: string, text: string, files: AccountFiles): number {
  if (isNumeric(part)) return number(part, text);
  const entry =
    files.group === undefined ? undefined : parseGroup(files.group).find(({ name }) => name === part);
  if (entry === undefined) throw refuse(text, `the image's /etc/group has no group "${shown(part)}"`);
  return entry.gid;
}

function memberships(user: string, files: AccountFiles): number[] {
  if (files.group === undefined) return [];
  return parseGroup(files.group)
    .filter(({ members }) => members.includes(user))
    .map(({ gid }) => gid);
}

/** Digits, signed or not: meant as a number, whatever its size. */
function isNumeric(part: string): boolean {
  return /^[+-]?\d+$/.test(part);
}

function number(part: string, text: string): number {
  const id = parseId(part);
  if (id === undefined) throw refuse(text, `${shown(part)} is not between 0 and ${MAX_ID}`);
  return id;
}

/** What becomes HOME: one line, absolute (CVE-2022-4318). */
function isHome(path: string): boolean {
  return path.startsWith("/") && path.length < 4096 && !/[\x00-\x1f]/.test(path);
}

function refuse(text: string, why: string): CortenError {
  return new CortenError("invalid-argument", `user "${shown(text)}": ${why}`, {
    pointer: "/process/user",
    hint: "name a user of the image, or a number",
  });
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100)).slice(1, -1);
}
