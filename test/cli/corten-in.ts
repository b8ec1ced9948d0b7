import { join } from "node:path";
import type { CommandResult } from "../support/index.ts";
import { command, commandOutput, corten, temporaryDirectory } from "../support/index.ts";

/** `corten` with a store of its own in a scratch directory, which is let go of by `scratch[Symbol.dispose]()`. */
export interface CortenIn {
  readonly scratch: Disposable & { readonly path: string };
  /** A path in the scratch directory. */
  readonly at: (name: string) => string;
  /** Runs it to its end. */
  readonly run: (...args: string[]) => Promise<CommandResult>;
  /** Runs it, which must succeed, and gives what it prints. */
  readonly must: (...args: string[]) => Promise<string>;
}

/** @param words what stands in front of the arguments of each call, e.g. a command */
export function cortenIn(name: string, ...words: string[]): CortenIn {
  const scratch = temporaryDirectory(name);
  const at = (file: string): string => join(scratch.path, file);
  const front = ["--root", at("data"), ...words];
  return {
    scratch,
    at,
    run: (...args) => command(corten, [...front, ...args]),
    must: (...args) => commandOutput(corten, [...front, ...args]),
  };
}
