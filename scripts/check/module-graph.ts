import { join } from "node:path";
import { bun, capture, root } from "../repository.ts";

/** One import, as dependency-cruiser reports it. */
export type Dependency = {
  readonly resolved: string;
  readonly dynamic: boolean;
  readonly dependencyTypes: readonly string[];
};

/** A source file and what it imports. */
export type Module = { readonly source: string; readonly dependencies: readonly Dependency[] };

/** A broken rule of .dependency-cruiser.mjs. */
export type Violation = {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
  readonly comment?: string;
  readonly cycle?: ReadonlyArray<{ readonly name: string }>;
};

export type ModuleGraph = {
  readonly modules: readonly Module[];
  readonly violations: readonly Violation[];
};

/**
 * Reads the imports of every TypeScript file under `folders` of `directory` and judges them.
 *
 * dependency-cruiser runs on Bun with the swc parser: TypeScript 7 has no JavaScript API for it to use.
 */
export function cruise(directory: string, folders: readonly string[]): ModuleGraph {
  const tool = join(root, "node_modules/dependency-cruiser/bin/dependency-cruiser.mjs");
  const config = join(root, ".dependency-cruiser.mjs");
  const { stdout, stderr } = capture("sh", [
    "-c",
    'cd "$1" && shift && exec "$@"',
    "sh",
    directory,
    bun,
    "--preload",
    join(import.meta.dirname, "swc-syntax.ts"),
    tool,
    "--config",
    config,
    "--output-type",
    "json",
    ...folders,
  ]);
  let report: { modules: Module[]; summary: { violations: Violation[] } };
  try {
    report = JSON.parse(stdout);
  } catch (cause) {
    throw new Error(`dependency-cruiser gave no report: ${stderr || stdout}`, { cause });
  }
  return { modules: report.modules, violations: report.summary.violations };
}
