import { closeSync, openSync, writeSync } from "node:fs";
import { CortenError } from "../../spec/index.ts";

/** Lines gather so long before they are written: one call for many requests. */
const GATHER_MS = 200;
/** More than this is written at once. */
const MAX_GATHERED = 64 * 1024;

/** A log of one JSON object a line, in a file or on standard output. */
export class JsonLog implements Disposable {
  readonly #path: string;
  #file: number;
  #gathered = "";
  #timer: NodeJS.Timeout | undefined;

  /** @param path `-` for standard output. @throws failed-precondition when the file cannot be opened */
  constructor(path: string) {
    this.#path = path;
    this.#file = path === "-" ? 1 : openLog(path);
  }

  write(entry: object): void {
    this.#gathered += `${JSON.stringify(entry)}\n`;
    if (this.#gathered.length > MAX_GATHERED) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS).unref();
  }

  /** Opens the file again: what rotates logs has moved the old one away. */
  reopen(): void {
    if (this.#path === "-") return;
    this.#flush();
    const file = openLog(this.#path);
    closeSync(this.#file);
    this.#file = file;
  }

  [Symbol.dispose](): void {
    this.#flush();
    if (this.#path !== "-") closeSync(this.#file);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const bytes = Buffer.from(this.#gathered);
    this.#gathered = "";
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
    } catch {
      // A full disk or a closed pipe must not stop the registry: these lines are lost.
    }
  }
}

function openLog(path: string): number {
  try {
    return openSync(path, "a", 0o640);
  } catch (cause) {
    const { code: errno = "unknown" } = cause as NodeJS.ErrnoException;
    throw new CortenError("failed-precondition", `cannot write the access log ${path}: ${errno}`, {
      cause,
      errno,
    });
  }
}
