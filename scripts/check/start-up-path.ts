import type { Module } from "./module-graph.ts";

/**
 * Modules of the runtime that cost milliseconds to load. A container start loads none of them: code that needs
 * one imports it when a command asks for it. `util` is here for parseArgs, which Bun loads with the module.
 */
export const slowModules = ["crypto", "http", "https", "http2", "zlib", "worker_threads", "util", "readline"];

/**
 * Files whose static imports are loaded before a container starts: the ways from the executable's entry to the
 * `run` commands, and the rooms that these open, most of them by a dynamic import.
 */
export const startUpEntries = [
  /^src\/cli\/main\.ts$/,
  /^src\/cli\/(?:corten|oci)\/(?:main|.*\/run|run)\.ts$/,
  /^src\/(?:spec|content|image|host|runtime|snapshot|engine)\/index\.ts$/,
];

/** Follows static imports from every entry and returns each way to a slow module, as a chain of files. */
export function slowImports(
  modules: readonly Module[],
  entries: readonly RegExp[] = startUpEntries,
): string[][] {
  const bySource = new Map(modules.map((module) => [module.source, module]));
  const chains: string[][] = [];
  for (const entry of bySource.keys()) {
    if (!entries.some((pattern) => pattern.test(entry))) continue;
    const seen = new Set([entry]);
    const queue = [[entry]];
    for (let chain = queue.shift(); chain; chain = queue.shift()) {
      for (const dependency of bySource.get(chain[chain.length - 1]!)?.dependencies ?? []) {
        const onlyTypes = dependency.dependencyTypes.some(
          (type) => type === "type-only" || type === "type-import",
        );
        if (dependency.dynamic || onlyTypes) continue;
        const { resolved } = dependency;
        if (seen.has(resolved)) continue;
        seen.add(resolved);
        const next = [...chain, resolved];
        if (slowModules.includes(resolved.replace(/^node:/, ""))) chains.push(next);
        else queue.push(next);
      }
    }
  }
  return chains;
}
