import type { ContainerSummary } from "../../../engine/index.ts";
import { print } from "../../terminal/stream.ts";
import type { Column } from "../../terminal/table.ts";
import { formatAge } from "../../terminal/units.ts";
import { printListing } from "../listing.ts";
import { openSession } from "../session.ts";
import type { psOptions } from "../table/container-options.ts";
import type { CortenCall } from "../table/globals.ts";
import { containerFilter } from "./container-filter.ts";

/** `corten ps` */
export async function run({ options, globals }: CortenCall<typeof psOptions>): Promise<number> {
  const filter = containerFilter(options.filter);
  const { last } = options;
  // A filter on the state asks for containers in that state, whether they run or not.
  const all = options.all || last !== undefined || filter.namesState;
  await using engine = openSession({ globals });
  const found = [...(await engine.list({ all }))]
    .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime())
    .filter(filter.matches)
    .slice(0, last);
  const full = options["no-trunc"];
  if (options.quiet) {
    for (const { id } of found) print(full ? id : id.slice(0, 12));
    return 0;
  }
  printListing({
    things: found,
    columns: columns(full),
    row: (container) => row(container, full),
    format: options.format ?? globals.format,
  });
  return 0;
}

function columns(full: boolean): readonly Column<ContainerSummary>[] {
  return [
    { heading: "CONTAINER ID", cell: ({ id }) => (full ? id : id.slice(0, 12)) },
    { heading: "IMAGE", cell: ({ image }) => image },
    { heading: "COMMAND", cell: ({ command }) => quoteCommand(command, full) },
    { heading: "CREATED", cell: ({ createdAt }) => formatAge(createdAt) },
    { heading: "STATUS", cell: ({ status }) => status },
    { heading: "NAMES", cell: ({ name }) => name },
  ];
}

/** Docker's names; JSON has the whole ID. */
function row(container: ContainerSummary, full: boolean): object {
  return {
    ID: full ? container.id : container.id.slice(0, 12),
    Image: container.image,
    ImageID: container.imageID,
    Command: quoteCommand(container.command, full),
    CreatedAt: container.createdAt.toISOString(),
    RunningFor: formatAge(container.createdAt),
    State: container.state,
    Status: container.status,
    Names: container.name,
    Labels: container.labels,
    Networks: container.network,
  };
}

/** The command in quotes, cut to twenty characters as docker does. */
export function quoteCommand(command: readonly string[], full: boolean): string {
  const text = command.join(" ");
  return `"${full || text.length <= 20 ? text : `${text.slice(0, 19)}…`}"`;
}
