import { CortenError } from "../../spec/index.ts";
import { terminalWidth, write } from "./stream.ts";

/** Lines that are shown at once; the others come into sight as the mark moves. */
const WINDOW = 10;

/**
 * Lets the user select one of several lines on the terminal: arrow keys (or k and j) move the mark, return takes the line.
 *
 * @returns its position
 * @throws failed-precondition when the user leaves with Ctrl-C or Ctrl-D, or the terminal goes away
 */
export async function select(question: string, lines: readonly string[]): Promise<number> {
  const width = await terminalWidth();
  const { stdin } = process;
  let at = 0;
  let drawn = 0;
  const draw = (): void => {
    const first = Math.max(0, Math.min(at - (WINDOW >> 1), lines.length - WINDOW));
    const shown = lines.slice(first, first + WINDOW);
    const text = shown.map((line, index) => {
      const marked = first + index === at;
      return `${marked ? "▸" : " "} ${line.slice(0, width - 3)}\n`;
    });
    write(2, `${erase(drawn)}${text.join("")}`);
    drawn = shown.length;
  };
  stdin.setRawMode(true); // before the question, whose answer may come at once
  write(2, `${question}\n`);
  try {
    draw();
    for await (const key of keys()) {
      if (key === "up") at = Math.max(0, at - 1);
      else if (key === "down") at = Math.min(lines.length - 1, at + 1);
      else if (key === "take") return at;
      else break;
      draw();
    }
    throw new CortenError("failed-precondition", "nothing was selected");
  } finally {
    write(2, erase(drawn));
    stdin.setRawMode(false);
    stdin.pause();
  }
}

/** Goes back to the beginning of the lines above and removes them. */
function erase(count: number): string {
  return count === 0 ? "" : `\x1b[${count}A\r\x1b[J`;
}

type Key = "up" | "down" | "take" | "leave";

const KEYS: Readonly<Record<string, Key>> = {
  "\x1b[A": "up",
  "\x1bOA": "up",
  k: "up",
  "\x1b[B": "down",
  "\x1bOB": "down",
  j: "down",
  "\r": "take",
  "\n": "take",
  "\x03": "leave",
  "\x04": "leave",
};

/** The keys that mean something; a terminal may send several at once. */
async function* keys(): AsyncGenerator<Key, void, undefined> {
  const { stdin } = process;
  // Not iterated itself: that would close stdin for who asks next.
  const chunks: string[] = [];
  let ended = false;
  let wake = (): void => {};
  const read = (chunk: Buffer): void => {
    chunks.push(chunk.toString("latin1"));
    wake();
  };
  const end = (): void => {
    ended = true;
    wake();
  };
  stdin.on("data", read).once("end", end).resume();
  try {
    while (!ended) {
      for (const [text] of (chunks.shift() ?? "").matchAll(/\x1b[[O][A-Z]|[^\x1b]/g)) {
        const key = KEYS[text];
        if (key !== undefined) yield key;
      }
      if (chunks.length === 0 && !ended)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    stdin.off("data", read).off("end", end);
  }
}
