import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** Renames a finished and synced file to its name, so that a power cut leaves it there or not at all. */
export function publish(from: string, to: string): void {
  renameSync(from, to);
  syncDirectory(dirname(to));
}

/**
 * Writes a small file as a whole: a reader sees all of it or none. Whoever holds a lock on it gives `fresh`, a name that
 * does not change: then nothing stays of a process that is killed before the next one writes.
 */
export function writeWhole(file: string, text: string, fresh = `${file}.${process.pid}.new`): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const fd = openSync(fresh, "w", 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  publish(fresh, file);
}

function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
