import type { CortenCall } from "../table/globals.ts";
import type { containerPruneOptions } from "../table/prune.ts";
import { parseFilters } from "./filters.ts";
import { pruneAndPrint } from "./prune.ts";

/** `corten container prune` */
export function run(call: CortenCall<typeof containerPruneOptions>): Promise<number> {
  const { filter, force, "dry-run": dryRun } = call.options;
  return pruneAndPrint({
    call,
    options: { containers: true, filter: parseFilters(filter, ["until", "label"]).filter },
    force,
    dryRun,
    warning: ["all containers that do not run"],
  });
}
