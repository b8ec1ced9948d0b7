import { type CloudEvent, type DeadEvent, openEvents } from "../../../registry/index.ts";
import { print } from "../../terminal/stream.ts";
import { printListing } from "../listing.ts";
import type { CortenCall } from "../table/globals.ts";
import type { eventsOptions } from "../table/registry.ts";
import { warn } from "./collect.ts";
import { configOf } from "./config.ts";

const PAGE = 500;

/** `corten registry events list|retry|discard`: what webhooks did not take. */
export async function run({ name, options, globals }: CortenCall<typeof eventsOptions>): Promise<number> {
  const { receiver } = options;
  const selection = receiver === undefined ? {} : { receiver };
  await using opened = await openEvents(await configOf(options.config, globals), warn);
  const { events } = opened;
  if (name.endsWith(" retry")) {
    print(`${await events.revive(selection)} events are sent again`);
    return 0;
  }
  if (name.endsWith(" discard")) {
    print(`${await events.discard(selection)} events discarded`);
    return 0;
  }
  const dead: DeadEvent[] = [];
  for (let page: readonly DeadEvent[] | undefined; page === undefined || page.length === PAGE; ) {
    const last = dead.at(-1);
    page = await events.dead({
      ...selection,
      limit: PAGE,
      ...(last === undefined ? {} : { after: last.id }),
    });
    dead.push(...page);
  }
  printListing({
    things: dead.map(({ body, ...event }) => ({ ...event, event: JSON.parse(body) as CloudEvent })),
    columns: [
      { heading: "TIME", cell: ({ event }) => event.time },
      { heading: "RECEIVER", cell: ({ receiver: name }) => name },
      { heading: "EVENT", cell: ({ event }) => `${event.data.kind} ${event.subject}` },
      { heading: "ATTEMPTS", cell: ({ attempts }) => String(attempts) },
      { heading: "FAILURE", cell: ({ failure }) => failure },
    ],
    row: (event) => event,
    format: globals.format,
  });
  return 0;
}
