import { fstatSync, writeSync } from "node:fs";

/** A standard stream that is written to. */
export type Stream = 1 | 2;

/**
 * Writes text to stdout or stderr, all of it, before it returns. process.stdout would cost 3 ms of start-up
 * and may lose its tail when the process ends or becomes another program.
 *
 * A reader that has gone ends the process quietly with 141, the status of a death by SIGPIPE.
 */
export function write(stream: Stream, data: string | Uint8Array): void {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  for (let offset = 0; offset < bytes.length; ) {
    try {
      offset += writeSync(stream, bytes, offset);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") process.exit(141);
      if (code !== "EAGAIN") throw error;
      // Someone made the shared pipe non-blocking: wait until its reader has caught up.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}

/** Prints a line to stdout. */
export function print(line: string): void {
  write(1, `${line}\n`);
}

/** Prints a value as JSON to stdout, indented by four as docker and podman do. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 4));
}

/**
 * True when the descriptor is a terminal, judged by its device number: node:tty would cost 2 ms of start-up.
 * Character devices of major 1 are /dev/null and its kind, of major 10 those of drivers such as /dev/fuse.
 */
export function isTerminal(descriptor: number): boolean {
  try {
    const stat = fstatSync(descriptor);
    const major = (stat.rdev >> 8) & 0xfff;
    return stat.isCharacterDevice() && major !== 1 && major !== 10;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EBADF") return false;
    throw error;
  }
}

/** Width of the terminal behind stderr or stdout in columns; 80 where there is none. */
export async function terminalWidth(): Promise<number> {
  const size = await terminalSize();
  return size?.columns ?? 80;
}

/** Rows and columns of the first of stdin, stdout, stderr that is a terminal. */
export async function terminalSize(): Promise<
  { readonly rows: number; readonly columns: number } | undefined
> {
  for (const descriptor of [0, 1, 2] as const) {
    if (!isTerminal(descriptor)) continue;
    const { WriteStream } = await import("node:tty");
    const [columns, rows] = new WriteStream(descriptor).getWindowSize();
    if (columns > 0 && rows > 0) return { rows, columns };
  }
  return undefined;
}
