import { readFileSync } from "node:fs";
import { CortenError } from "../../../spec/index.ts";
import { isTerminal } from "../../terminal/stream.ts";

/** The options that `run`, `create` and `exec` share about the process. */
interface ProcessFlags {
  readonly interactive: boolean;
  readonly tty: boolean;
  readonly env: readonly string[];
  readonly "env-file": readonly string[];
  readonly workdir: string | undefined;
  readonly user: string | undefined;
  readonly privileged: boolean;
}

/** These options as the engine takes them. */
export interface ProcessSettings {
  readonly interactive: boolean;
  readonly terminal: boolean;
  readonly env?: readonly string[];
  readonly workingDirectory?: string;
  readonly user?: string;
  readonly privileged?: boolean;
}

export function processSettings(flags: ProcessFlags, environment = process.env): ProcessSettings {
  const fromFiles = flags["env-file"].flatMap((file) => readVariables(file));
  const env = [...fromFiles, ...flags.env].flatMap((entry) => variable(entry, environment));
  return {
    interactive: flags.interactive,
    terminal: flags.tty,
    ...(env.length === 0 ? {} : { env }),
    ...(flags.workdir === undefined ? {} : { workingDirectory: flags.workdir }),
    ...(flags.user === undefined ? {} : { user: flags.user }),
    ...(flags.privileged ? { privileged: true } : {}),
  };
}

/** Refuses `-it` where stdin is no terminal, as docker does: its keys could not be passed on. */
export function demandTerminal({ interactive, tty }: ProcessFlags): void {
  if (!interactive || !tty || isTerminal(0)) return;
  throw new CortenError("invalid-argument", "the input device is not a terminal", {
    hint: "leave out -t when stdin is a pipe or a file",
  });
}

/** `NAME=value` as it is; `NAME` with the caller's value, or nothing where the caller has none. */
function variable(entry: string, environment: NodeJS.ProcessEnv): string[] {
  if (entry === "" || entry.startsWith("=")) {
    throw new CortenError("invalid-argument", `"${entry}" is not a variable: NAME=VALUE or NAME`);
  }
  if (entry.includes("=")) return [entry];
  const value = environment[entry];
  return value === undefined ? [] : [`${entry}=${value}`];
}

/** Lines of an env file without comments and empty ones; values are taken literally, quotes and all, as docker does. */
function readVariables(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new CortenError("not-found", `cannot read the env file ${file}`, { cause });
  }
  return text
    .split("\n")
    .map((line) => line.replace(/\r$/, "").trimStart())
    .filter((line) => line !== "" && !line.startsWith("#"));
}
