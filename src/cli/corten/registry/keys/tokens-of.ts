import { ownTokens, type TokenSettings } from "../../../../registry/index.ts";
import type { CortenCall } from "../../table/globals.ts";
import type { keysOptions } from "../../table/registry.ts";
import { configOf } from "../config.ts";

/** How the registry of the configuration signs its tokens. */
export async function tokensOf({
  options,
  globals,
}: Pick<CortenCall<typeof keysOptions>, "options" | "globals">): Promise<TokenSettings> {
  return ownTokens((await configOf(options.config, globals)).access?.tokens);
}
