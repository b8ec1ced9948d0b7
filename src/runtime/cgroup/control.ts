import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pause } from "../../host/index.ts";
import { CortenError } from "../../spec/index.ts";

/** The control group of a container in one hierarchy, as its record keeps it. */
export interface CgroupDirectory {
  /** Controllers of the hierarchy, `name=systemd` for a named one; empty for the unified hierarchy. */
  readonly controllers: readonly string[];
  /** Absolute. */
  readonly path: string;
  readonly version: 1 | 2;
}

function code(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** A small file of a control group; undefined where there is none. */
export function readKnob(file: string): string | undefined {
  try {
    return readFileSync(file, "latin1");
  } catch (error) {
    if (code(error) === "ENOENT" || code(error) === "ENODEV") return undefined;
    throw error;
  }
}

function children(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(path, entry.name));
  } catch (error) {
    if (code(error) === "ENOENT" || code(error) === "ENODEV") return [];
    throw error;
  }
}

/** PIDs in the group and in those below it. */
export function groupProcesses(path: string): number[] {
  const own = (readKnob(join(path, "cgroup.procs")) ?? "").split("\n").filter(Boolean).map(Number);
  return [...own, ...children(path).flatMap(groupProcesses)].filter((pid) => pid > 0);
}

/** PIDs of all processes of a container. Each hierarchy should tell the same; the first that tells any is believed. */
export function containerProcesses(groups: readonly CgroupDirectory[]): number[] {
  for (const { path } of groups) {
    const found = groupProcesses(path);
    if (found.length > 0) return [...new Set(found)].sort((one, other) => one - other);
  }
  return [];
}

/** The group whose freezer stops the container's processes. */
export function freezerOf(groups: readonly CgroupDirectory[]): CgroupDirectory | undefined {
  return (
    groups.find(({ controllers }) => controllers.includes("freezer")) ??
    groups.find(({ version }) => version === 2)
  );
}

/** True when the container's processes are stopped by the freezer. */
export function isFrozen(groups: readonly CgroupDirectory[]): boolean {
  const freezer = freezerOf(groups);
  if (freezer === undefined) return false;
  if (freezer.version === 1) return /^FR/.test(readKnob(join(freezer.path, "freezer.state")) ?? "");
  return /^frozen 1$/m.test(readKnob(join(freezer.path, "cgroup.events")) ?? "");
}

/** The file that tells that a container is not paused, and what it then holds; undefined without a freezer. */
export function thawedFile(
  groups: readonly CgroupDirectory[],
): { readonly path: string; readonly content: string } | undefined {
  const freezer = freezerOf(groups);
  if (freezer === undefined) return undefined;
  return freezer.version === 1
    ? { path: join(freezer.path, "freezer.state"), content: "THAWED\n" }
    : { path: join(freezer.path, "cgroup.freeze"), content: "0\n" };
}

/**
 * Stops or resumes every process of a container.
 *
 * @throws failed-precondition where the container has no freezer; unavailable when its processes do not stop
 */
export async function setFrozen(groups: readonly CgroupDirectory[], frozen: boolean): Promise<void> {
  const freezer = freezerOf(groups);
  if (freezer === undefined) {
    throw new CortenError("failed-precondition", "the container has no control group with a freezer");
  }
  const [file, value] =
    freezer.version === 1
      ? ["freezer.state", frozen ? "FROZEN" : "THAWED"]
      : ["cgroup.freeze", frozen ? "1" : "0"];
  // A process that just forked can leave a v1 group in FREEZING until it is told again.
  for (let attempt = 0; attempt < 500; attempt++) {
    writeFileSync(join(freezer.path, file), value);
    const state = freezer.version === 1 ? readKnob(join(freezer.path, "freezer.state"))?.trim() : undefined;
    if (freezer.version === 1 ? state === value : isFrozen(groups) === frozen) return;
    await pause(2);
  }
  if (frozen && freezer.version === 1) writeFileSync(join(freezer.path, "freezer.state"), "THAWED");
  throw new CortenError(
    "unavailable",
    `the processes of ${freezer.path} could not be ${frozen ? "frozen" : "thawed"}`,
  );
}

/** SIGKILL to every process of a container, those that are just being forked included. */
export async function killAll(groups: readonly CgroupDirectory[]): Promise<void> {
  const unified = groups.find(({ version }) => version === 2);
  if (unified !== undefined && groups.every(({ version }) => version === 2)) {
    try {
      writeFileSync(join(unified.path, "cgroup.kill"), "1");
      return;
    } catch (error) {
      // Before 5.14 there is no such file: then one by one, below.
      if (code(error) !== "ENOENT") throw error;
    }
  }
  if (containerProcesses(groups).length === 0) return;
  const freezer = freezerOf(groups);
  // A maker that was killed may have left the group unmade: then no program of the container's has run that could fork.
  if (freezer === undefined || !existsSync(freezer.path)) {
    killEach(groups);
    return;
  }
  try {
    await setFrozen(groups, true);
    killEach(groups);
  } finally {
    await setFrozen(groups, false);
  }
}

function killEach(groups: readonly CgroupDirectory[]): void {
  for (const pid of containerProcesses(groups)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if (code(error) !== "ESRCH") throw error;
    }
  }
}

/**
 * Removes the groups and those below them. A group whose last process is just dying is busy for a moment.
 *
 * @throws unavailable naming the group that stays busy
 */
export async function removeGroups(groups: readonly CgroupDirectory[]): Promise<void> {
  for (const { path } of groups) {
    for (let attempt = 0; !removeGroup(path); attempt++) {
      if (attempt >= 12) throw new CortenError("unavailable", `the control group ${path} is busy`);
      await pause(Math.min(2 ** attempt, 200));
    }
  }
}

/** One attempt to remove a group and those below it: true when it is gone. */
export function removeGroup(path: string): boolean {
  if (!children(path).map(removeGroup).every(Boolean)) return false;
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if (code(error) === "ENOENT" || code(error) === "ENODEV") return true;
    if (code(error) === "EBUSY") return false;
    throw error;
  }
}
