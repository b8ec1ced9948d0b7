import { closeSync, constants, openSync, readSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isAlive, pause } from "../../host/index.ts";
import { CortenError } from "../../spec/index.ts";
import { StateFile } from "../plan/launch-input.ts";
import { failureError, MAX_RECORD, parseFailure } from "./failure.ts";
import type { Observed } from "./status.ts";

/**
 * Lets a created container run: its process waits for a reader at the FIFO. Whoever removes the FIFO's name is the
 * one that starts it, so of two callers one is told that it came too late.
 *
 * @throws failed-precondition in runc's words for a container that is not waiting; what a startContainer hook or the
 *   execution of the program failed with
 */
export async function releaseContainer(root: string, { record, status, init }: Observed): Promise<void> {
  if (status === "stopped") {
    throw new CortenError("failed-precondition", "cannot start a container that has stopped");
  }
  if (status === "creating") {
    throw new CortenError("failed-precondition", "cannot start a container that is still being created", {
      retryable: true,
    });
  }
  const fifo = join(root, record.id, StateFile.fifo);
  const fd = status === "created" ? open(fifo) : undefined;
  if (fd === undefined || init === undefined) {
    throw new CortenError("failed-precondition", "cannot start an already running container");
  }
  try {
    if (!unlink(fifo))
      throw new CortenError("failed-precondition", "cannot start an already running container");
    await readByte(fd, () => isAlive(init));
    await awaitProgram(fd);
  } finally {
    closeSync(fd);
  }
}

function open(fifo: string): number | undefined {
  try {
    // Not blocking: a process that died would never come to the other end.
    return openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function unlink(fifo: string): boolean {
  try {
    rmSync(fifo);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** Waits for the byte that the container's process writes when it has passed the FIFO. */
async function readByte(fd: number, alive: () => boolean): Promise<void> {
  const byte = Buffer.alloc(1);
  for (let attempt = 0; ; attempt++) {
    if (tryRead(fd, byte)) return;
    if (attempt % 20 === 19 && !alive()) {
      // It may have written and gone on to end since the last look.
      if (tryRead(fd, byte)) return;
      throw new CortenError("failed-precondition", "cannot start a container that has stopped");
    }
    await pause(attempt < 10 ? 0 : 2);
  }
}

/**
 * Waits until the FIFO is closed by the program's execve; startContainer hooks run before it.
 *
 * @throws what kept the program from running
 */
async function awaitProgram(fd: number): Promise<void> {
  const record = Buffer.alloc(MAX_RECORD);
  let length = 0;
  for (let attempt = 0; ; attempt++) {
    let count: number;
    try {
      count = readSync(fd, record, length, MAX_RECORD - length, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      await pause(attempt < 20 ? 0 : 2);
      continue;
    }
    if (count === 0) break;
    length += count;
  }
  const failure = length === 0 ? undefined : parseFailure(record.subarray(0, length));
  if (failure !== undefined) throw failureError(failure);
}

function tryRead(fd: number, byte: Buffer): boolean {
  try {
    return readSync(fd, byte) > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return false;
    throw error;
  }
}
