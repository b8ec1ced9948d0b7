import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { CortenError } from "../spec/index.ts";
import { pause } from "./pause.ts";
import { formatIdentity, isAlive, parseIdentity, selfIdentity } from "./process-table.ts";

/** A lock that is held until it is let go, or until its holder dies. */
export interface Lock extends Disposable {
  release(): void;
}

export interface LockOptions {
  /** How long to wait for another holder, in milliseconds. Default: 30,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

let serial = 0;

/** A name beside `file` that no other process or call uses. */
function scratchName(file: string): string {
  serial += 1;
  return `${file}.${process.pid}.${serial}`;
}

/**
 * Takes the lock that `file` stands for. The file holds its holder's "PID STARTTIME" and appears with that content
 * (link(2) of a finished file), so a holder that died is recognised and its lock taken over.
 *
 * @throws deadline-exceeded naming the holder when it does not become free in time
 */
export async function acquireLock(file: string, options: LockOptions = {}): Promise<Lock> {
  const { timeoutMs = 30_000, signal } = options;
  const deadline = Date.now() + timeoutMs;
  for (let wait = 1; ; wait = Math.min(wait * 2, 50)) {
    signal?.throwIfAborted();
    const lock = tryLock(file);
    if (lock !== undefined) return lock;
    if (Date.now() >= deadline) {
      throw new CortenError("deadline-exceeded", `${file} is held by process ${holder(file) ?? "unknown"}`, {
        retryable: true,
      });
    }
    await pause(wait, signal);
  }
}

/** One attempt of {@link acquireLock}: undefined when another process holds the lock. */
export function tryLock(file: string): Lock | undefined {
  const own = scratchName(file);
  writeFileSync(own, formatIdentity(selfIdentity()), { mode: 0o600, flag: "wx" });
  try {
    if (!link(own, file)) {
      if (!evictDead(file) || !link(own, file)) return undefined;
    }
  } finally {
    rmSync(own, { force: true });
  }
  const release = () => rmSync(file, { force: true });
  return { release, [Symbol.dispose]: release };
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function holder(file: string): string | undefined {
  try {
    return readFileSync(file, "latin1");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** True while a process that lives holds the lock. */
export function isLocked(file: string): boolean {
  const record = holder(file);
  return record !== undefined && isHeld(record);
}

/** Removes a lock, or the draft of one, that a process left which was killed. */
export function removeAbandonedLock(file: string): void {
  const record = holder(file);
  const identity = record === undefined ? undefined : parseIdentity(record);
  if (identity === undefined || isAlive(identity)) return;
  // A lock is taken over first: another process may be about to do the same.
  if (file.endsWith(".lock")) tryLock(file)?.release();
  else rmSync(file, { force: true });
}

function isHeld(record: string): boolean {
  const identity = parseIdentity(record);
  return identity !== undefined && isAlive(identity);
}

/** Takes a dead holder's file away; false when the lock is held after all. */
function evictDead(file: string): boolean {
  const record = holder(file);
  if (record === undefined) return true;
  if (isHeld(record)) return false;
  const grave = scratchName(file);
  try {
    renameSync(file, grave);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return true;
    throw error;
  }
  // Another process may have evicted the same holder and locked since: then it was that lock we moved.
  const moved = readFileSync(grave, "latin1");
  const live = isHeld(moved);
  if (live) link(grave, file);
  rmSync(grave, { force: true });
  return !live;
}
