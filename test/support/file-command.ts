import { execFileSync, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandResult } from "./command.ts";
import { isRoot } from "./programs.ts";

/**
 * Runs programs that leave processes behind, as `create` does: with files as input and output, since a pipe would stay
 * open until the last of them ends. One that takes more than 20 seconds is killed.
 */
export class FileCommands {
  readonly #directory: string;
  /** What the programs have as input; opened for writing too. */
  input: string;
  #files = 0;

  /** @param directory for the files; root gets a null device there, as some runtimes give theirs to a container's user */
  constructor(directory: string) {
    this.#directory = directory;
    this.input = isRoot ? join(directory, "null") : "/dev/null";
    if (isRoot) execFileSync("mknod", ["-m", "666", this.input, "c", "1", "3"]);
  }

  /** Runs `words[0]`. A program that a signal ended has 137. */
  run(words: readonly string[], cwd?: string): Promise<CommandResult> {
    this.#files += 1;
    const names = [`out-${this.#files}`, `err-${this.#files}`];
    const fds = names.map((name) => openSync(join(this.#directory, name), "w"));
    fds.unshift(openSync(this.input, "r+"));
    const child = spawn(words[0]!, words.slice(1), { cwd, stdio: [fds[0]!, fds[1]!, fds[2]!] });
    for (const fd of fds) closeSync(fd);
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", (code) => {
        clearTimeout(timer);
        const [stdout, stderr] = names.map((name) => this.#read(name)) as [string, string];
        resolve({ exitCode: code ?? 137, stdout, stderr });
      });
    });
  }

  /** What all of them, and what they left behind, have written to standard output so far. */
  output(): string {
    return Array.from({ length: this.#files }, (_, index) => this.#read(`out-${index + 1}`)).join("");
  }

  #read(name: string): string {
    return readFileSync(join(this.#directory, name), "utf8");
  }
}
