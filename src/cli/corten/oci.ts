import { main } from "../oci/main.ts";
import type { CortenCall } from "./table/globals.ts";

/** `corten oci …` behind global options; without them the entry goes there by itself. */
export function run(call: CortenCall): Promise<number> {
  return main(call.args);
}
