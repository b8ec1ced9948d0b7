import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { dist, root } from "../repository.ts";

/** A part of the build: made again only when an input's bytes changed or an output is gone. */
export type Step = {
  readonly name: string;
  /** Files and folders of the repository, or absolute paths; a folder stands for everything in it. */
  readonly inputs: readonly string[];
  /** Leaves files out by their path relative to the repository. */
  readonly ignore?: RegExp;
  /** Versions and flags that the result depends on. */
  readonly facts: readonly string[];
  readonly outputs: readonly string[];
  /** Makes the outputs; throws when it cannot. */
  readonly make: () => void | Promise<void>;
};

/** Runs a step if it is needed and says which it was; a failed step is tried again by the next build. */
export async function runStep(step: Step): Promise<"made" | "unchanged"> {
  const stamps = join(dist, ".stamps");
  const stamp = join(stamps, step.name);
  const state = hashInputs(step);
  if (step.outputs.every(existsSync) && existsSync(stamp) && readFileSync(stamp, "utf8") === state) {
    return "unchanged";
  }
  mkdirSync(stamps, { recursive: true });
  rmSync(stamp, { force: true });
  await step.make();
  const missing = step.outputs.find((output) => !existsSync(output));
  if (missing) throw new Error(`${step.name}: ${relative(root, missing)} was not made`);
  writeFileSync(stamp, state);
  return "made";
}

function hashInputs({ inputs, facts, ignore }: Step): string {
  const hash = createHash("sha256");
  for (const fact of facts) hash.update(`fact ${fact.length} ${fact}\n`);
  for (const file of inputs.flatMap((input) => filesOf(join(root, relative(root, input))))) {
    const name = relative(root, file);
    if (ignore?.test(name)) continue;
    const bytes = readFileSync(file);
    hash.update(`file ${name} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}

function filesOf(path: string): string[] {
  if (!existsSync(path)) return [];
  let names: string[];
  try {
    names = readdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return [path];
    throw error;
  }
  return names.sort().flatMap((name) => filesOf(join(path, name)));
}
