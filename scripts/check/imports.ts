import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "../repository.ts";
import { cruise, type ModuleGraph } from "./module-graph.ts";
import { slowImports } from "./start-up-path.ts";

const folders = ["src", "test", "bench", "scripts"];
let graph: ModuleGraph | undefined;

function repositoryGraph(): ModuleGraph {
  graph ??= cruise(
    root,
    folders.filter((folder) => existsSync(join(root, folder))),
  );
  return graph;
}

/** One line for each import that breaks the rules of the rooms. */
export function checkImports(): string[] {
  return describeViolations(repositoryGraph());
}

/** One line for each slow module that a container start would load. */
export function checkStartUp(): string[] {
  return slowImports(repositoryGraph().modules).map((chain) => `loaded at start-up: ${chain.join(" → ")}`);
}

export function describeViolations({ violations }: ModuleGraph): string[] {
  return violations.map(({ from, to, rule, comment, cycle }) => {
    const way = cycle ? [from, ...cycle.map(({ name }) => name)].join(" → ") : `${from} → ${to}`;
    return `${rule.name}: ${way}${comment ? ` (${comment})` : ""}`;
  });
}
