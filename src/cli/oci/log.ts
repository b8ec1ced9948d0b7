import { closeSync, openSync, writeSync } from "node:fs";
import { isTerminal, write } from "../terminal/stream.ts";

type Level = "debug" | "info" | "warning" | "error";

/** Where the log goes: the values of `--log`, `--log-format` and `--debug`. */
export interface LogOptions {
  readonly log?: string | undefined;
  readonly "log-format"?: string | undefined;
  readonly debug?: boolean | undefined;
}

/** Logrus's four letters and colours for a level on a terminal. */
const levels = {
  debug: ["DEBU", 37],
  info: ["INFO", 36],
  warning: ["WARN", 33],
  error: ["ERRO", 31],
} as const satisfies Record<Level, readonly [string, number]>;

/**
 * The log in logrus's formats, because callers read it: containerd's shim takes the last line with
 * `"level":"error"` of a JSON log, podman and conmon search stderr for phrases.
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
    this.#entry("error", message);
    if (this.#options.log) write(2, `${message}\n`);
  }

  #entry(level: Level, message: string): void {
    const { log } = this.#options;
    const json = this.#options["log-format"] === "json";
    if (!log) {
      write(
        2,
        json
          ? jsonEntry(level, message)
          : isTerminal(2)
            ? terminalEntry(level, message)
            : textEntry(level, message),
      );
      return;
    }
    // Synchronous, as runc's is: a caller reads the file as soon as the process has ended.
    const file = openSync(log, "as", 0o644);
    try {
      writeSync(file, json ? jsonEntry(level, message) : textEntry(level, message));
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

function terminalEntry(level: Level, message: string): string {
  const [name, colour] = levels[level];
  return `\x1b[${colour}m${name}\x1b[0m[0000] ${message}\n`;
}
