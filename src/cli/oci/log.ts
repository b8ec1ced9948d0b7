import { closeSync, openSync, writeSync } from "node:fs";
import { write } from "../terminal/stream.ts";
import { styleOf } from "../terminal/style.ts";

/** Importance of an entry, the least first. */
export type Level = "debug" | "info" | "warning" | "error";

const LEVELS: readonly Level[] = ["debug", "info", "warning", "error"];

/** Where the log goes: the values of `--log`, `--log-format`, `--log-level` and `--debug`. */
export interface LogOptions {
  readonly log?: string | undefined;
  readonly "log-level"?: string | undefined;
  readonly "log-format"?: string | undefined;
  readonly debug?: boolean | undefined;
}

/** Takes entries in the place of a file; the same for the whole process. */
let socket: ((level: Level, message: string) => void) | undefined;

/** What `--log` names: a file (`FILE`, `file:FILE`), or the socket of a log daemon (`journald:NAME`, `syslog:NAME`). */
function destination(log: string | undefined) {
  const [, kind, rest = ""] = /^(file|journald|syslog):(.*)$/s.exec(log ?? "") ?? [];
  if (kind === "file") return { file: rest };
  if (kind === "journald" || kind === "syslog")
    return { socket: { kind, name: rest || "corten-oci" } as const };
  return { file: log };
}

/** Prepares a log that is no file. @throws not-found when there is no such daemon */
export async function prepareLog({ log }: LogOptions): Promise<void> {
  const wanted = destination(log).socket;
  if (wanted === undefined) return;
  const { openLogSocket } = await import("./log-socket.ts");
  socket = await openLogSocket(wanted);
}

/**
 * The log. Its entries have logrus's formats, because callers read them: containerd's shim takes the last line with
 * `"level":"error"` of a JSON log. On stderr an error is plain text, in which podman, conmon and CRI-O search for
 * runc's phrases; logrus would put backslashes in front of their quotes. Some know a failure by the word error alone.
 */
export class Log {
  readonly #options: LogOptions;

  constructor(options: LogOptions) {
    this.#options = options;
  }

  debug(message: string): void {
    this.#entry("debug", message);
  }

  #least(): Level {
    return this.#options.debug === true ? "debug" : ((this.#options["log-level"] ?? "info") as Level);
  }

  warning(message: string): void {
    this.#entry("warning", message);
  }

  /** Logs an error; where the log is a file, stderr gets the bare message as well, as runc does it. */
  error(message: string): void {
    const { log, "log-format": format } = this.#options;
    if (log || format === "json") this.#entry("error", message);
    if (log) write(2, `${message}\n`);
    else if (format !== "json") write(2, `${styleOf(2).red("corten-oci: error:")} ${message}\n`);
  }

  #entry(level: Level, message: string): void {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(this.#least())) return;
    if (socket !== undefined) {
      socket(level, message);
      return;
    }
    const { file: log } = destination(this.#options.log);
    const entry =
      this.#options["log-format"] === "json" ? jsonEntry(level, message) : textEntry(level, message);
    if (!log) {
      write(2, entry);
      return;
    }
    // Synchronous, as runc's is: a caller reads the file as soon as the process has ended.
    const file = openSync(log, "as", 0o644);
    try {
      writeSync(file, entry);
    } finally {
      closeSync(file);
    }
  }
}

function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, "Z");
}

function jsonEntry(level: Level, msg: string): string {
  return `${JSON.stringify({ level, msg, time: now() })}\n`;
}

function textEntry(level: Level, message: string): string {
  const text = /^[\w\-./@^+]+$/.test(message) ? message : JSON.stringify(message);
  return `time="${now()}" level=${level} msg=${text}\n`;
}
