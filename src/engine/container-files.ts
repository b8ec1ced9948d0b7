import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, parseIdentity } from "../host/index.ts";
import type { ExitStatus } from "./container.ts";

/** Where the files of one container are. */
export class ContainerFiles {
  /** What outlives a boot; 0700. */
  readonly directory: string;
  /** What does not: sockets and process records; 0700. */
  readonly runDirectory: string;

  constructor(directory: string, runDirectory: string) {
    this.directory = directory;
    this.runDirectory = runDirectory;
  }

  get config(): string {
    return join(this.directory, "config.json");
  }
  get upper(): string {
    return join(this.directory, "upper");
  }
  get work(): string {
    return join(this.directory, "work");
  }
  get log(): string {
    return join(this.directory, "log");
  }
  get exit(): string {
    return join(this.directory, "exit");
  }
  get hosts(): string {
    return join(this.directory, "hosts");
  }
  get hostname(): string {
    return join(this.directory, "hostname");
  }
  get resolvConf(): string {
    return join(this.directory, "resolv.conf");
  }
  /** Held while the container is started or removed. */
  get lock(): string {
    return join(this.directory, "lock");
  }
  /** PID of the first process, as the executor wrote it. */
  get pid(): string {
    return join(this.runDirectory, "pid");
  }
  /** "PID STARTTIME" of the monitor. */
  get monitor(): string {
    return join(this.runDirectory, "monitor");
  }
  get consoleSocket(): string {
    return join(this.runDirectory, "console.sock");
  }

  /** How the latest run ended; null when nothing says it. */
  readExit(): ExitStatus | null {
    const text = readText(this.exit);
    return text === undefined ? null : parseExitRecord(text);
  }

  /** True while the monitor of a run works: it has the last word on how that ends. */
  hasMonitor(): boolean {
    const identity = parseIdentity(readText(this.monitor) ?? "");
    return identity !== undefined && isAlive(identity);
  }
}

/**
 * Reads "CODE SIGNAL OOMKILLED SECONDS.NANOS\n". A code of -1 says that the container has ended and nobody saw how.
 * Returns null for anything else, such as an empty file after a power cut.
 */
export function parseExitRecord(text: string): ExitStatus | null {
  const match = /^(-1|\d{1,3}) (\d{1,2}) ([01]) (\d{1,12})\.(\d{9})\n$/.exec(text);
  if (match === null) return null;
  const [, code, signalText, oomKilled, seconds, nanoseconds] = match;
  const signal = Number(signalText);
  return {
    exitCode: code === "-1" ? null : signal > 0 ? 128 + signal : Number(code),
    signal,
    oomKilled: oomKilled === "1",
    finishedAt: new Date(Number(seconds) * 1000 + Math.floor(Number(nanoseconds) / 1e6)),
  };
}

/** A small file's text; undefined when there is none. */
export function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
