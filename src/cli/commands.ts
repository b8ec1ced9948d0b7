import { type ManualPage, manualPages } from "./command/manual.ts";
import { formatReference } from "./command/reference.ts";
import { program as corten } from "./corten/program.ts";
import { program as cortenOci } from "./oci/program.ts";
import { version } from "./version.ts";

/** docs/commands.md: the reference of both command lines. */
export function commandReference(): string {
  return formatReference([corten, cortenOci]);
}

/** The manual of both command lines: files of docs/man. */
export function manual(): ManualPage[] {
  // `corten oci` is the program corten-oci, which has a page of its own.
  const commands = corten.commands.filter(({ name }) => name !== "oci");
  return [{ ...corten, commands }, cortenOci].flatMap((program) => manualPages(program, version));
}
