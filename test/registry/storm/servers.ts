import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { StormPlace } from "./storage.ts";

/** Several servers over one place, each killed again and again without a warning. */
export class KilledServers implements AsyncDisposable {
  readonly #place: StormPlace;
  readonly #log: string;
  readonly #grace: number;
  readonly #random: () => number;
  readonly #ports: (number | undefined)[] = [];
  readonly #children = new Set<ChildProcess>();
  readonly #lives: Promise<void>[] = [];
  #ended = false;
  /** How many servers were killed so far. */
  kills = 0;

  constructor(
    place: StormPlace,
    options: {
      readonly count: number;
      readonly grace: number;
      readonly random: () => number;
      readonly log: string;
    },
  ) {
    this.#place = place;
    this.#log = options.log;
    this.#grace = options.grace;
    this.#random = options.random;
    for (let index = 0; index < options.count; index++) this.#lives.push(this.#live(index));
  }

  /** The origin of one that answers, as far as is known. */
  async origin(): Promise<string> {
    for (;;) {
      const ports = this.#ports.filter((port) => port !== undefined);
      const port = ports[Math.floor(this.#random() * ports.length)];
      if (port !== undefined) return `http://127.0.0.1:${port}`;
      await pause(10);
    }
  }

  /** What they had to say about failures. */
  log(): string {
    return readFileSync(this.#log, "utf8");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all(this.#lives);
  }

  async #live(index: number): Promise<void> {
    while (!this.#ended) {
      const log = openSync(this.#log, "a");
      const script = join(import.meta.dirname, "server.ts");
      const words = [script, JSON.stringify(this.#place), String(this.#grace)];
      const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", log] });
      closeSync(log);
      this.#children.add(child);
      const exit = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      this.#ports[index] = await firstNumber(child, exit);
      await Promise.race([exit, pause(200 + this.#random() * 800)]);
      this.#ports[index] = undefined;
      child.kill("SIGKILL");
      this.kills++;
      await exit;
      this.#children.delete(child);
    }
  }
}

/** The number that the child prints, or undefined when it ends before. */
async function firstNumber(child: ChildProcess, exit: Promise<void>): Promise<number | undefined> {
  let text = "";
  const printed = new Promise<number>((resolve) => {
    child.stdout?.on("data", (chunk: Buffer) => {
      text += String(chunk);
      if (/^\d+\n/.test(text)) resolve(Number.parseInt(text, 10));
    });
  });
  return await Promise.race([printed, exit.then(() => undefined)]);
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
