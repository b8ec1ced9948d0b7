import type { CortenCall } from "../table/globals.ts";
import type { imagePruneOptions } from "../table/prune.ts";
import { parseFilters } from "./filters.ts";
import { pruneAndPrint } from "./prune.ts";

/** `corten image prune` */
export function run(call: CortenCall<typeof imagePruneOptions>): Promise<number> {
  const { all, filter: filters, force, "dry-run": dryRun } = call.options;
  const { filter, dangling } = parseFilters(filters, ["until", "label", "dangling"]);
  const images = all || dangling === false ? "unused" : "untagged";
  return pruneAndPrint({
    call,
    options: { images, filter },
    force,
    dryRun,
    warning: [
      images === "unused"
        ? "all images of which there is no container"
        : "all images without a tag of which there is no container",
    ],
  });
}
