import { formatReference } from "./command/reference.ts";
import { program as corten } from "./corten/program.ts";
import { program as cortenOci } from "./oci/program.ts";

/** docs/commands.md: the reference of both command lines. */
export function commandReference(): string {
  return formatReference([corten, cortenOci]);
}
