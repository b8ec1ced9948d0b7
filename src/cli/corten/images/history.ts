import { type HistoryEntry, imageHistory, parsePlatform, resolveImage } from "../../../image/index.ts";
import { print } from "../../terminal/stream.ts";
import { printable } from "../../terminal/style.ts";
import type { Column } from "../../terminal/table.ts";
import { formatAge, formatSize } from "../../terminal/units.ts";
import { printListing } from "../listing.ts";
import type { CortenCall } from "../table/globals.ts";
import type { historyOptions } from "../table/images.ts";
import { openImageStore } from "./store.ts";

const SHOWN = 60;

/** `corten history IMAGE`: the newest step first. */
export async function run({ args, options, globals }: CortenCall<typeof historyOptions>): Promise<number> {
  using store = openImageStore({ globals });
  const wanted = options.platform === undefined ? {} : { platform: parsePlatform(options.platform) };
  const entries = await imageHistory(await resolveImage(store, args[0]!, wanted));
  if (options.quiet) {
    for (const { layer } of entries) print(layer ?? "<none>");
    return 0;
  }
  const full = options["no-trunc"];
  const columns: Column<HistoryEntry>[] = [
    {
      heading: "LAYER",
      cell: ({ layer }) => (full ? (layer ?? "<none>") : (layer?.slice(7, 19) ?? "<none>")),
    },
    { heading: "CREATED", cell: ({ created }) => formatAge(created) },
    { heading: "CREATED BY", cell: ({ createdBy }) => shown(createdBy, full) },
    { heading: "SIZE", cell: ({ size }) => formatSize(size) },
    { heading: "COMMENT", cell: ({ comment }) => shown(comment, full) },
  ];
  printListing({
    things: entries,
    columns,
    format: options.format ?? globals.format,
    row: ({ layer, created, createdBy, size, comment }) => ({
      Layer: layer ?? null,
      CreatedAt: created?.toISOString() ?? null,
      CreatedSince: formatAge(created),
      CreatedBy: createdBy,
      Size: size,
      Comment: comment,
    }),
  });
  return 0;
}

/** One line of what an image says of itself, which may be of any length. */
function shown(text: string, full: boolean): string {
  const line = printable(text.replace(/\s+/g, " ").trim());
  return full || line.length <= SHOWN ? line : `${line.slice(0, SHOWN - 1)}…`;
}
