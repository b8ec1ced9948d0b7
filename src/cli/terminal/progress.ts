import { isTerminal, terminalWidth, write } from "./stream.ts";
import { type Style, styleOf } from "./style.ts";
import { formatSize } from "./units.ts";

/** What one line of a progress display shows. */
export interface ProgressLine {
  /** Short name: the first digits of a digest. */
  readonly name: string;
  /** What is going on: `Downloading`, `Pull complete`. */
  readonly status: string;
  readonly done?: number;
  readonly total?: number;
}

/** Shows how several things come along; `finish` leaves the last state on the screen. */
export interface ProgressDisplay {
  update(key: string, line: ProgressLine): void;
  finish(): void;
}

const FRAME = 80;

/** Bars redrawn in place where stderr is a terminal, otherwise a plain line whenever a status changes. */
export async function openProgress(quiet: boolean): Promise<ProgressDisplay> {
  if (quiet) return { update() {}, finish() {} };
  if (!isTerminal(2) || process.env["TERM"] === "dumb") return new PlainProgress();
  return new BarProgress(await terminalWidth(), styleOf(2));
}

class PlainProgress implements ProgressDisplay {
  readonly #said = new Map<string, string>();

  update(key: string, { name, status, total }: ProgressLine): void {
    if (this.#said.get(key) === status) return;
    this.#said.set(key, status);
    write(2, `${name}: ${status}${total === undefined ? "" : ` (${formatSize(total)})`}\n`);
  }

  finish(): void {
    this.#said.clear();
  }
}

class BarProgress implements ProgressDisplay {
  readonly #lines = new Map<string, ProgressLine>();
  readonly #width: number;
  readonly #style: Style;
  #drawn = 0;
  #last = 0;

  constructor(width: number, style: Style) {
    this.#width = width;
    this.#style = style;
  }

  update(key: string, line: ProgressLine): void {
    const statusChanged = this.#lines.get(key)?.status !== line.status;
    this.#lines.set(key, line);
    const now = Date.now();
    if (!statusChanged && now - this.#last < FRAME) return;
    this.#last = now;
    this.#draw();
  }

  finish(): void {
    if (this.#lines.size > 0) this.#draw();
    this.#lines.clear();
    this.#drawn = 0;
  }

  #draw(): void {
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : "";
    const lines = [...this.#lines.values()].map(
      (line) => `\x1b[2K${formatLine(line, this.#width, this.#style)}\n`,
    );
    write(2, up + lines.join(""));
    this.#drawn = lines.length;
  }
}

/** `a3ed95caeb02: Downloading [=====>     ]  12.3MB/45.6MB`, no wider than the terminal, which must not wrap it. */
export function formatLine({ name, status, done, total }: ProgressLine, width: number, style: Style): string {
  const head = `${name}: ${status}`;
  if (done === undefined || total === undefined || total === 0) {
    return `${style.bold(name)}: ${status}`.slice(0, Math.max(width + 16, 20));
  }
  const amount = `${formatSize(done)}/${formatSize(total)}`.padStart(17);
  const room = Math.min(50, width - head.length - amount.length - 5);
  if (room < 8) return `${style.bold(name)}: ${status} ${amount}`;
  const filled = Math.min(room, Math.floor((done / total) * room));
  const bar = "=".repeat(Math.max(0, filled - 1)) + (filled > 0 ? (filled < room ? ">" : "=") : "");
  return `${style.bold(name)}: ${status} [${style.green(bar)}${" ".repeat(room - filled)}] ${amount}`;
}
