import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { isAlive, type ProcessIdentity, parseIdentity, selfIdentity } from "../../host/index.ts";
import { CortenError } from "../../spec/index.ts";
import { StateFile } from "../plan/launch-input.ts";
import type { ContainerRecord } from "./container.ts";

/** Directories with these beginnings are no containers: an ID never begins with a dot. */
const NEW = ".new-";
const OLD = ".old-";
const FAILURES = ".failures";

let serial = 0;

/** The name of a directory that only this process uses, and that others recognise as left behind once it is dead. */
function scratch(root: string, prefix: string): string {
  serial += 1;
  const { pid, startTime } = selfIdentity();
  return join(root, `${prefix}${pid}-${startTime}-${serial}`);
}

export function stateDirectory(root: string, id: string): string {
  return join(root, id);
}

/** A file in which an executor tells why it failed. It lies outside the container's directory, which cleanup removes. */
export function newFailureFile(root: string, id: string): string {
  const directory = join(root, FAILURES);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  serial += 1;
  return join(directory, `${id}-${process.pid}-${serial}`);
}

/** How long an account of a failure waits to be read, in milliseconds. */
const FAILURE_AGE = 3_600_000;

/** Removes accounts of failures whose readers have long died. */
export function sweepFailures(root: string): void {
  const directory = join(root, FAILURES);
  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    const file = join(directory, name);
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat !== undefined && Date.now() - stat.mtimeMs > FAILURE_AGE) rmSync(file, { force: true });
  }
}

/**
 * Makes a container's directory with all its files in it, in one step: it is filled under another name and renamed, so
 * nobody ever sees half of it. Returns false when the ID is taken.
 */
export function makeStateDirectory(
  root: string,
  id: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): boolean {
  const draft = scratch(root, NEW);
  mkdirSync(draft, { mode: 0o700 });
  try {
    for (const [name, content] of Object.entries(files))
      writeFileSync(join(draft, name), content, { mode: 0o600 });
    renameSync(draft, stateDirectory(root, id));
    return true;
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOTEMPTY" || code === "EEXIST") return false;
    throw error;
  }
}

/** Replaces a file of a container's directory in one step: a reader sees the old one or the new one. */
export function replaceStateFile(root: string, id: string, name: string, content: string): void {
  serial += 1;
  const draft = join(root, id, `.${name}-${process.pid}-${serial}`);
  writeFileSync(draft, content, { mode: 0o600 });
  renameSync(draft, join(root, id, name));
}

/** Removes a container's directory in one step: the ID is free at once, and what a SIGKILL leaves is swept later. */
export function removeStateDirectory(root: string, id: string): void {
  const grave = scratch(root, OLD);
  try {
    renameSync(stateDirectory(root, id), grave);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  rmSync(grave, { recursive: true, force: true });
}

/** Reads a file of a container's directory; undefined when it is not there. */
export function readStateFile(root: string, id: string, name: string): string | undefined {
  try {
    return readFileSync(join(root, id, name), "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Reads a container's record; undefined when there is no such container. */
export function readRecord(root: string, id: string): ContainerRecord | undefined {
  const text = readStateFile(root, id, StateFile.record);
  if (text === undefined) return undefined;
  try {
    const record = JSON.parse(text) as ContainerRecord;
    if (record.version === 1) return record;
  } catch (cause) {
    throw new CortenError("data-loss", `${join(root, id, StateFile.record)} is not readable`, { cause });
  }
  throw new CortenError("failed-precondition", `container ${id} was made by another version of Corten`);
}

/** The process that a file of a container's directory records. */
export function readIdentity(root: string, id: string, name: string): ProcessIdentity | undefined {
  const text = readStateFile(root, id, name);
  return text === undefined ? undefined : parseIdentity(text);
}

/** IDs of all containers; on the way, what dead processes left half-made or half-removed is swept away. */
export function listIds(root: string): string[] {
  let names: string[];
  try {
    names = readdirSync(root);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  for (const name of names)
    if (isLeftBehind(name)) rmSync(join(root, name), { recursive: true, force: true });
  return names.filter((name) => !name.startsWith(".")).sort();
}

function isLeftBehind(name: string): boolean {
  const match = /^\.(?:new|old)-(\d+)-(\d+)-\d+$/.exec(name);
  return match !== null && !isAlive({ pid: Number(match[1]), startTime: Number(match[2]) });
}
