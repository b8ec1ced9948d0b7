import { type ChildProcess, spawn } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import { command } from "../../support/index.ts";

/** A daemon of the test's own; it is ended by its PID. */
export class Daemon implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #logFile: string;

  /** Starts it; what it prints goes to `logFile`. */
  constructor(program: string, args: readonly string[], logFile: string) {
    const log = openSync(logFile, "w");
    this.#logFile = logFile;
    this.#process = spawn(program, args, { stdio: ["ignore", log, log] });
    this.#ended = new Promise((resolve) => this.#process.once("exit", () => resolve()));
  }

  /** Waits until a call of its client succeeds, 20 seconds at most. */
  async ready(client: string, args: readonly string[]): Promise<void> {
    for (let attempt = 0; (await command(client, args)).exitCode !== 0; attempt++) {
      if (attempt >= 100) throw new Error(`${client} gets no answer: ${readFileSync(this.#logFile, "utf8")}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#ended;
  }
}

/** Asks every 100 ms until the answer matches; what came last is told when it never does. */
export async function eventually(ask: () => Promise<string>, pattern: RegExp): Promise<void> {
  let answer = "";
  for (let attempt = 0; attempt < 100; attempt++) {
    answer = await ask();
    if (pattern.test(answer)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`still not ${pattern}: ${answer}`);
}
