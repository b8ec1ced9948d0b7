import type { CortenCall } from "../table/globals.ts";
import type { volumePruneOptions } from "../table/prune.ts";
import { parseFilters } from "./filters.ts";
import { pruneAndPrint } from "./prune.ts";

/** `corten volume prune` */
export function run(call: CortenCall<typeof volumePruneOptions>): Promise<number> {
  const { all, filter, force, "dry-run": dryRun } = call.options;
  return pruneAndPrint({
    call,
    options: { volumes: all ? "unused" : "anonymous", filter: parseFilters(filter, ["until"]).filter },
    force,
    dryRun,
    warning: [all ? "all volumes that no container uses" : "anonymous volumes that no container uses"],
  });
}
