import { close, fsync, ftruncate, openSync, unlinkSync, write } from "node:fs";
import { CortenError } from "../spec/index.ts";

/** Data collects to writes of this size: each one costs a trip to a thread. */
const BUFFER = 2 ** 18;
/** Writes under way before {@link BlockFile.pressed} asks the producer to wait. */
const IN_FLIGHT = 16;
/** Zeros beyond this become a hole in the file. */
const HOLE = 2 ** 18;

/**
 * A new file that is appended to from front to back without waiting: data is copied to a buffer,
 * and full buffers are written by the runtime's threads while the producer goes on. The producer
 * waits with {@link drain} when {@link pressed} says so.
 */
export class BlockFile {
  readonly path: string;
  readonly #descriptor: number;
  readonly #free: Buffer[] = [];
  readonly #writes = new Set<Promise<void>>();
  #buffer: Buffer = Buffer.allocUnsafe(BUFFER);
  #filled = 0;
  /** File offset of the buffer's first byte. */
  #start = 0;
  #last: Promise<void> = Promise.resolve();
  #failure: unknown;
  #closed = false;

  /** Creates the file at `path`. @throws already-exists when there is one */
  constructor(path: string) {
    this.path = path;
    try {
      this.#descriptor = openSync(path, "wx", 0o600);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw fileError(code === "EEXIST" ? "already-exists" : "internal", "create", path, cause);
    }
  }

  /** Offset at which the next byte goes. */
  get position(): number {
    return this.#start + this.#filled;
  }

  /** True when the producer should {@link drain} before it appends more. */
  get pressed(): boolean {
    return this.#writes.size >= IN_FLIGHT || this.#failure !== undefined;
  }

  /** Appends a copy of `bytes`. */
  append(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length) {
      const length = Math.min(bytes.length - from, BUFFER - this.#filled);
      this.#buffer.set(length === bytes.length ? bytes : bytes.subarray(from, from + length), this.#filled);
      this.#filled += length;
      from += length;
      if (this.#filled === BUFFER) this.#flush();
    }
  }

  /** Appends `length` zeros; many of them as a hole that takes no space. */
  appendZeros(length: number): void {
    if (length > HOLE) {
      this.#flush();
      this.#start += length;
      return;
    }
    for (let left = length; left > 0; ) {
      const run = Math.min(left, BUFFER - this.#filled);
      this.#buffer.fill(0, this.#filled, this.#filled + run);
      this.#filled += run;
      left -= run;
      if (this.#filled === BUFFER) this.#flush();
    }
  }

  /** Appends zeros up to the next multiple of `unit`. */
  align(unit: number): void {
    const over = this.position % unit;
    if (over !== 0) this.appendZeros(unit - over);
  }

  /** Waits until there is room. @throws the first failure of a write */
  async drain(): Promise<void> {
    while (this.#writes.size >= IN_FLIGHT) await Promise.race(this.#writes);
    this.#throwFailure();
  }

  /** Writes `head` at the front of the file, makes everything durable and closes it. */
  async finish(head: Buffer): Promise<void> {
    this.#flush();
    await Promise.all(this.#writes);
    this.#throwFailure();
    try {
      await settled((done) => ftruncate(this.#descriptor, this.#start, done));
      await this.#writeAll(head, head.length, 0);
      await settled((done) => fsync(this.#descriptor, done));
    } catch (cause) {
      throw fileError("internal", "write", this.path, cause);
    }
    this.#closed = true;
    await settled((done) => close(this.#descriptor, done));
  }

  /** Closes the file, if {@link finish} has not, and removes it. */
  async discard(): Promise<void> {
    await Promise.all(this.#writes);
    if (!this.#closed) {
      this.#closed = true;
      await settled((done) => close(this.#descriptor, done));
    }
    try {
      unlinkSync(this.path);
    } catch (cause) {
      // Someone else removed it: that is what was wanted.
      if ((cause as NodeJS.ErrnoException).code !== "ENOENT")
        throw fileError("internal", "remove", this.path, cause);
    }
  }

  #flush(): void {
    const length = this.#filled;
    if (length === 0) return;
    const buffer = this.#buffer;
    const start = this.#start;
    this.#start += length;
    this.#filled = 0;
    this.#buffer = this.#free.pop() ?? Buffer.allocUnsafe(BUFFER);
    if (this.#failure !== undefined) return;
    // One after the other: threads that write to one file at once only wait for its lock.
    const previous = this.#last;
    this.#last = previous.then(() => this.#writeAll(buffer, length, start));
    const written = this.#last.then(
      () => {
        this.#free.push(buffer);
        this.#writes.delete(written);
      },
      (error: unknown) => {
        this.#failure ??= error;
        this.#writes.delete(written);
      },
    );
    this.#writes.add(written);
  }

  async #writeAll(buffer: Buffer, length: number, position: number): Promise<void> {
    // A write may be cut short, by a signal or a full disk; the next one then says why.
    for (let at = 0; at < length; ) {
      at += await settled<number>((done) =>
        write(this.#descriptor, buffer, at, length - at, position + at, done),
      );
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw fileError("internal", "write", this.path, this.#failure);
  }
}

/** A promise for a call that reports through a callback; node:util's promisify costs start-up time. */
function settled<T = void>(
  call: (done: (error: Error | null | undefined, value?: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => (error ? reject(error) : resolve(value as T)));
  });
}

function fileError(
  code: "already-exists" | "internal",
  action: string,
  path: string,
  cause: unknown,
): CortenError {
  const { code: errno } = cause as NodeJS.ErrnoException;
  const full = errno === "ENOSPC" || errno === "EDQUOT" || errno === "EFBIG";
  return new CortenError(
    full ? "resource-exhausted" : code,
    `cannot ${action} ${path}: ${errno ?? String(cause)}`,
    { cause, ...(errno === undefined ? {} : { errno }) },
  );
}
