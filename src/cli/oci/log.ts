import { closeSync, openSync, writeSync } from "node:fs";
import { write } from "../terminal/stream.ts";
import { styleOf } from "../terminal/style.ts";

type Level = "debug" | "info" | "warning" | "error";

/** Where the log goes: the values of `--log`, `--log-format` and `--debug`. */
export interface LogOptions {
  readonly log?: string | undefined;
  readonly "log-format"?: string | undefined;
  readonly debug?: boolean | undefined;
}

/**
 * The log. Its entries have logrus's formats, because callers read them: containerd's shim takes the last line with
 * `"level":"error"` of a JSON log. On stderr an error is plain text, in which podman, conmon and CRI-O search for
 * runc's phrases; logrus would put backslashes in front of their quotes.
 */
export class Log {
  readonly #options: LogOptions;

  constructor(options: LogOptions) {
    this.#options = options;
  }

  debug(message: string): void {
    if (this.#options.debug) this.#entry("debug", message);
  }

  warning(message: string): void {
    this.#entry("warning", message);
  }

  /** Logs an error; where the log is a file, stderr gets the bare message as well, as runc does it. */
  error(message: string): void {
    const { log, "log-format": format } = this.#options;
    if (log || format === "json") this.#entry("error", message);
    if (log) write(2, `${message}\n`);
    else if (format !== "json") write(2, `${styleOf(2).red("corten-oci:")} ${message}\n`);
  }

  #entry(level: Level, message: string): void {
    const { log } = this.#options;
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
