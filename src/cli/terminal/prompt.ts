import { CortenError } from "../../spec/index.ts";
import { write } from "./stream.ts";

const MAX_ANSWER = 64 * 1024;

/** Asks on the terminal for a line; what is typed of a secret is not shown. */
export async function ask(question: string, { secret = false } = {}): Promise<string> {
  const { stdin } = process;
  if (secret) stdin.setRawMode(true); // before the question, whose answer may come at once
  write(2, question);
  try {
    return await readLine(secret);
  } finally {
    if (secret) {
      stdin.setRawMode(false);
      write(2, "\n");
    }
    stdin.pause();
  }
}

function readLine(raw: boolean): Promise<string> {
  const { stdin } = process;
  return new Promise((resolve, reject) => {
    let line = "";
    const end = (finish: () => void): void => {
      stdin.off("data", read);
      stdin.off("end", closed);
      finish();
    };
    const closed = (): void =>
      end(() => reject(new CortenError("failed-precondition", "the input ended before the answer")));
    const read = (chunk: Buffer): void => {
      for (const character of chunk.toString("utf8")) {
        // In raw mode the terminal leaves Ctrl-C, Ctrl-D and Backspace to the program.
        const ended = raw && (character === "\x03" || character === "\x04");
        if (ended || character === "\r" || character === "\n") {
          if (ended) closed();
          else end(() => resolve(line));
          return;
        }
        if (raw && (character === "\x7f" || character === "\b")) line = [...line].slice(0, -1).join("");
        else if (line.length < MAX_ANSWER) line += character;
      }
    };
    stdin.on("data", read).resume();
    stdin.once("end", closed);
  });
}

/** All of stdin as text, without the line end that `echo` puts there. */
export async function readSecret(): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    size += (chunk as Buffer).length;
    if (size > MAX_ANSWER) throw new CortenError("invalid-argument", "stdin holds more than a password");
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}
