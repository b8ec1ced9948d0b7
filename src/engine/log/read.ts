import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { LogEntry, LogOptions } from "./entry.ts";
import { parseEntry } from "./parse.ts";

const CHUNK = 64 * 1024;
const LINE_FEED = 0x0a;
/** Longer lines are not ours: the monitor cuts them at 16 KiB. */
const MAX_LINE = 1024 * 1024;
const POLL_MS = 25;

export interface LogSource {
  /** The log; `<file>.1` is the old one that it took the place of. */
  readonly file: string;
  /** True while more may come. */
  isLive(): boolean;
}

/**
 * Reads a container's log from the beginning or the last lines, and with `follow` on until the container has ended.
 * A log that is rotated meanwhile is read to its end before the new one.
 */
export async function* readLog(source: LogSource, options: LogOptions = {}): AsyncGenerator<LogEntry> {
  const { follow = false, signal } = options;
  const wanted = filterOf(options);
  const reader = new LogReader(source.file);
  try {
    const past = reader.rest(true).filter(wanted);
    yield* options.tail === undefined ? past : lastLines(past, options.tail);
    while (follow) {
      // First this, then the file: what was written before the end is there after it.
      const live = source.isLive();
      const entries = reader.rest(!live).filter(wanted);
      yield* entries;
      if (entries.length > 0) continue;
      if (!live) return;
      await delay(POLL_MS, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
      if (signal?.aborted === true) return;
    }
  } finally {
    reader.close();
  }
}

/** Reads a file that grows, and the one that takes its place. */
class LogReader {
  readonly #file: string;
  #fd: number | undefined;
  #rest: Buffer = Buffer.alloc(0);

  constructor(file: string) {
    this.#file = file;
    this.#fd = tryOpen(`${file}.1`) ?? tryOpen(file);
  }

  /** Every whole entry that has been written since the last call; with `all`, a last line without its end too. */
  rest(all: boolean): LogEntry[] {
    const entries: LogEntry[] = [];
    this.#fd ??= tryOpen(this.#file);
    while (this.#fd !== undefined) {
      this.#readTo(entries);
      const next = this.#successor();
      if (next === undefined) break;
      // Between the last read and the rotation more may have been written to the old one.
      this.#readTo(entries);
      closeSync(this.#fd);
      this.#fd = next;
    }
    if (all && this.#rest.length > 0) {
      add(entries, this.#rest);
      this.#rest = Buffer.alloc(0);
    }
    return entries;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #readTo(entries: LogEntry[]): void {
    for (;;) {
      const chunk = Buffer.alloc(CHUNK);
      const length = readSync(this.#fd!, chunk, 0, CHUNK, null);
      if (length === 0) return;
      let bytes = Buffer.concat([this.#rest, chunk.subarray(0, length)]);
      for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED)) {
        add(entries, bytes.subarray(0, end));
        bytes = bytes.subarray(end + 1);
      }
      this.#rest = bytes.length > MAX_LINE ? Buffer.alloc(0) : bytes;
    }
  }

  /** The file that now has the name, when it is not the one that is open. */
  #successor(): number | undefined {
    const now = statSync(this.#file, { throwIfNoEntry: false });
    return now === undefined || now.ino === fstatSync(this.#fd!).ino ? undefined : tryOpen(this.#file);
  }
}

function add(entries: LogEntry[], line: Buffer): void {
  const entry = parseEntry(line);
  if (entry !== undefined) entries.push(entry);
}

function filterOf({ since, until, streams }: LogOptions): (entry: LogEntry) => boolean {
  return ({ stream, time }) => {
    const moment = since === undefined && until === undefined ? 0 : Date.parse(time);
    return (
      (streams === undefined || streams.includes(stream)) &&
      (since === undefined || moment >= since.getTime()) &&
      (until === undefined || moment < until.getTime())
    );
  };
}

/** The entries of the last `count` lines: the parts of one line count once. */
function lastLines(entries: readonly LogEntry[], count: number): readonly LogEntry[] {
  let lines = 0;
  let from = entries.length;
  const open = new Set<string>();
  for (; from > 0; from--) {
    const { stream, partial } = entries[from - 1]!;
    // A part belongs to the line that the next entry of its stream ends; at the log's end it is a line itself.
    if (!partial || !open.has(stream)) lines++;
    open.add(stream);
    if (lines > count) break;
  }
  return entries.slice(from);
}

function tryOpen(file: string): number | undefined {
  try {
    return openSync(file, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
