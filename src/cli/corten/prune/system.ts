import type { CortenCall } from "../table/globals.ts";
import type { systemPruneOptions } from "../table/prune.ts";
import { parseFilters } from "./filters.ts";
import { pruneAndPrint } from "./prune.ts";

/** `corten system prune` */
export function run(call: CortenCall<typeof systemPruneOptions>): Promise<number> {
  const { all, volumes, filter, force, "dry-run": dryRun } = call.options;
  return pruneAndPrint({
    call,
    options: {
      containers: true,
      images: all ? "unused" : "untagged",
      interrupted: true,
      ...(volumes ? { volumes: "anonymous" as const } : {}),
      filter: parseFilters(filter, ["until", "label"]).filter,
    },
    force,
    dryRun,
    warning: [
      "all containers that do not run",
      all
        ? "all images of which there is no container"
        : "all images without a tag of which there is no container",
      "what interrupted pulls have left to go on from",
      ...(volumes ? ["anonymous volumes that no container uses"] : []),
    ],
  });
}
