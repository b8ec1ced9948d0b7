import { type KeyDescription, listKeys } from "../../../../registry/index.ts";
import { printListing } from "../../listing.ts";
import type { CortenCall } from "../../table/globals.ts";
import type { keysOptions } from "../../table/registry.ts";
import { tokensOf } from "./tokens-of.ts";

/** `corten registry keys list`. */
export async function run(call: CortenCall<typeof keysOptions>): Promise<number> {
  printKeys(await listKeys(await tokensOf(call)), call.globals.format);
  return 0;
}

/** Prints keys without what is secret of them. */
export function printKeys(things: readonly KeyDescription[], format: string | undefined): void {
  printListing({
    things,
    columns: [
      { heading: "KEY", cell: ({ kid }) => kid },
      { heading: "ALGORITHM", cell: ({ algorithm }) => algorithm },
      { heading: "CREATED", cell: ({ created }) => moment(created) },
      { heading: "USE", cell: ({ signs, until }) => (signs ? "signs" : `verifies until ${moment(until)}`) },
    ],
    row: (key) => key,
    format,
  });
}

function moment(seconds: number | undefined): string {
  return seconds === undefined ? "-" : new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}
