import { pruneKeys } from "../../../../registry/index.ts";
import { print, printJson } from "../../../terminal/stream.ts";
import { parseFormat } from "../../format.ts";
import type { CortenCall } from "../../table/globals.ts";
import type { pruneKeysOptions } from "../../table/registry.ts";
import { tokensOf } from "./tokens-of.ts";

/** `corten registry keys prune`. */
export async function run(call: CortenCall<typeof pruneKeysOptions>): Promise<number> {
  const removed = await pruneKeys(await tokensOf(call), call.options.all);
  if (parseFormat(call.globals.format).kind === "json") printJson(removed);
  else for (const { kid } of removed) print(`removed ${kid}`);
  return 0;
}
