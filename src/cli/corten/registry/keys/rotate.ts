import { rotateKeys } from "../../../../registry/index.ts";
import type { CortenCall } from "../../table/globals.ts";
import type { keysOptions } from "../../table/registry.ts";
import { printKeys } from "./list.ts";
import { tokensOf } from "./tokens-of.ts";

/** `corten registry keys rotate`. */
export async function run(call: CortenCall<typeof keysOptions>): Promise<number> {
  printKeys(await rotateKeys(await tokensOf(call)), call.globals.format);
  return 0;
}
