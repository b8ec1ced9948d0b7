import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A program running under a real pseudo-terminal. */
export type Terminal = AsyncDisposable & {
  readonly pid: number;
  /** Everything the program printed so far; line ends are \r\n unless it changed that. */
  readonly output: () => string;
  /** Types text; `\r` is the return key, `\x03` is Ctrl-C, `\x04` is Ctrl-D. */
  readonly type: (text: string) => void;
  readonly resize: (rows: number, columns: number) => void;
  /** Sends a signal to the program itself, not through the terminal. */
  readonly signal: (number: number) => void;
  /** Waits for new output that matches, counted from the end of the last match, and returns the match. */
  readonly waitFor: (pattern: string | RegExp, timeoutMs?: number) => Promise<RegExpExecArray>;
  /** The exit code; 128 + number after a signal. */
  readonly exit: Promise<number>;
};

export type TerminalOptions = {
  readonly rows?: number;
  readonly columns?: number;
  readonly cwd?: string;
  /** Added to the environment of the test. */
  readonly env?: Readonly<Record<string, string>>;
};

/** Starts a program under a pseudo-terminal of 24 × 80; disposing kills it. */
export async function openTerminal(
  program: string,
  args: readonly string[],
  { rows = 24, columns = 80, cwd, env }: TerminalOptions = {},
): Promise<Terminal> {
  const driver = spawn(
    "/usr/bin/python3",
    [join(import.meta.dirname, "terminal-driver.py"), `${rows}`, `${columns}`, program, ...args],
    {
      cwd,
      env: { ...process.env, TERM: "xterm", ...env },
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  const decoder = new TextDecoder();
  let output = "";
  let seen = 0;
  let ended = false;
  let wake: Array<() => void> = [];
  const started = Promise.withResolvers<number>();
  const exit = Promise.withResolvers<number>();
  driver.on("error", started.reject);
  driver.stdin.on("error", () => driver.stdin.destroy());
  const lines = createInterface({ input: driver.stdout });
  lines.on("line", (line) => {
    const message = JSON.parse(line) as { pid?: number; data?: string; exit?: number };
    if (message.pid !== undefined) started.resolve(message.pid);
    if (message.data !== undefined)
      output += decoder.decode(Buffer.from(message.data, "base64"), { stream: true });
    if (message.exit !== undefined) exit.resolve(message.exit);
    for (const waiter of wake) waiter();
  });
  lines.on("close", () => {
    ended = true;
    started.reject(new Error(`${program} did not start under a terminal`));
    exit.resolve(255);
    for (const waiter of wake) waiter();
  });
  const send = (order: object): void => {
    driver.stdin.write(`${JSON.stringify(order)}\n`);
  };

  const waitFor = async (pattern: string | RegExp, timeoutMs = 10_000): Promise<RegExpExecArray> => {
    const expression =
      typeof pattern === "string" ? new RegExp(pattern.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")) : pattern;
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const match = expression.exec(output.slice(seen));
      if (match) {
        seen += match.index + match[0].length;
        return match;
      }
      const left = deadline - Date.now();
      if (ended || left <= 0) {
        const why = ended ? "the program ended" : `${timeoutMs} ms went by`;
        throw new Error(
          `${why} without ${expression} in the terminal's output: ${JSON.stringify(output.slice(seen))}`,
        );
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
      wake = [];
    }
  };

  const pid = await started.promise;
  return {
    pid,
    output: () => output,
    type: (text) => send({ write: Buffer.from(text).toString("base64") }),
    resize: (newRows, newColumns) => send({ resize: [newRows, newColumns] }),
    signal: (number) => send({ signal: number }),
    waitFor,
    exit: exit.promise,
    async [Symbol.asyncDispose]() {
      if (!ended) send({ signal: 9 });
      driver.stdin.end();
      await exit.promise;
    },
  };
}
