import { close, closeSync, constants, fsync, ftruncate, openSync, unlinkSync, write } from "node:fs";
import {
  ALIGNED_SIZE,
  CortenError,
  DIRECT_UNIT,
  giveAligned,
  isAligned,
  takeAligned,
} from "../spec/index.ts";

/** Data collects to writes of this size: each one costs a trip to a thread. */
const BUFFER = ALIGNED_SIZE;
/** Writes under way before {@link BlockFile.pressed} asks the producer to wait. */
const IN_FLIGHT = 4;
/**
 * A file's first bytes, which go through the page cache: an image that is small is likely to be run at once. What is
 * longer goes past it, as of a large image a start reads little. The kernel then need not find memory for all of it,
 * which takes longer than the rest of a write where a host hands a virtual machine its memory page by page.
 */
const CACHED = 2 ** 22;
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
  /** The same file, past the page cache; undefined before and where that is not possible. */
  #direct: number | undefined;
  #directTried = false;
  #cached = false;
  #free: Buffer[] = [];
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
      const length = Math.min(bytes.length - from, this.#room);
      this.#buffer.set(length === bytes.length ? bytes : bytes.subarray(from, from + length), this.#filled);
      this.#filled += length;
      from += length;
      if (this.#room === 0) this.#flush();
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
      const run = Math.min(left, this.#room);
      this.#buffer.fill(0, this.#filled, this.#filled + run);
      this.#filled += run;
      left -= run;
      if (this.#room === 0) this.#flush();
    }
  }

  /** Appends zeros up to the next multiple of `unit`. */
  align(unit: number): void {
    const over = this.position % unit;
    if (over !== 0) this.appendZeros(unit - over);
  }

  /** Leaves what is appended from here on in the page cache: it is what is read first. */
  keepCached(): void {
    this.#cached = true;
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
      await this.#writeAll(head, head.length, 0, false);
      await settled((done) => fsync(this.#descriptor, done));
    } catch (cause) {
      throw fileError("internal", "write", this.path, cause);
    }
    await this.#close();
  }

  /** Closes the file, if {@link finish} has not, and removes it. */
  async discard(): Promise<void> {
    await Promise.all(this.#writes);
    if (!this.#closed) await this.#close();
    try {
      unlinkSync(this.path);
    } catch (cause) {
      // Someone else removed it: that is what was wanted.
      if ((cause as NodeJS.ErrnoException).code !== "ENOENT")
        throw fileError("internal", "remove", this.path, cause);
    }
  }

  /** Bytes that the buffer still takes: it ends where a block of the disk does. */
  get #room(): number {
    return BUFFER - (this.#start % DIRECT_UNIT) - this.#filled;
  }

  #flush(): void {
    const length = this.#filled;
    if (length === 0) return;
    const buffer = this.#buffer;
    const start = this.#start;
    this.#start += length;
    this.#filled = 0;
    if (this.#start >= CACHED && !this.#directTried) this.#goDirect();
    this.#buffer = this.#free.pop() ?? this.#newBuffer();
    if (this.#failure !== undefined) {
      this.#free.push(buffer);
      return;
    }
    const direct = !this.#cached && isAligned(buffer);
    // One after the other: threads that write to one file at once only wait for its lock.
    const previous = this.#last;
    this.#last = previous.then(() => this.#writeAll(buffer, length, start, direct));
    const written = this.#last
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .then(() => {
        if (this.#direct === undefined || isAligned(buffer)) this.#free.push(buffer);
        this.#writes.delete(written);
      });
    this.#writes.add(written);
  }

  /** Opens the file a second time. Its buffers are aligned ones from here on. */
  #goDirect(): void {
    this.#directTried = true;
    if (constants.O_DIRECT === undefined) return;
    try {
      this.#direct = openSync(this.path, constants.O_WRONLY | constants.O_DIRECT | constants.O_NOFOLLOW);
      this.#free = [];
    } catch {
      // EINVAL of the file system: the ordinary way remains.
    }
  }

  #newBuffer(): Buffer {
    return (this.#direct === undefined ? undefined : takeAligned()) ?? Buffer.allocUnsafe(BUFFER);
  }

  async #writeAll(buffer: Buffer, length: number, position: number, direct: boolean): Promise<void> {
    const aligned = position % DIRECT_UNIT === 0 && length % DIRECT_UNIT === 0;
    if (direct && aligned && (await this.#writeDirect(buffer, length, position))) return;
    // A write may be cut short, by a signal or a full disk; the next one then says why.
    for (let at = 0; at < length; ) {
      at += await settled<number>((done) =>
        write(this.#descriptor, buffer, at, length - at, position + at, done),
      );
    }
  }

  /** @returns false when all of it has to be written in the ordinary way */
  async #writeDirect(buffer: Buffer, length: number, position: number): Promise<boolean> {
    const descriptor = this.#direct;
    if (descriptor === undefined) return false;
    try {
      return (
        length === (await settled<number>((done) => write(descriptor, buffer, 0, length, position, done)))
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EINVAL") throw error;
      this.#direct = undefined;
      closeSync(descriptor);
      return false;
    }
  }

  async #close(): Promise<void> {
    this.#closed = true;
    for (const buffer of [this.#buffer, ...this.#free]) if (isAligned(buffer)) giveAligned(buffer);
    if (this.#direct !== undefined) closeSync(this.#direct);
    await settled((done) => close(this.#descriptor, done));
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
