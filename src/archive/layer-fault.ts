import { CortenError } from "../spec/index.ts";
import { quoteName } from "./byte-string.ts";
import type { TarEntry } from "./tar-entry.ts";

/** The error for an entry that makes no sense in a layer: names it, and its byte in the unpacked archive. */
export function refuseEntry(entry: TarEntry, problem: string): CortenError {
  return new CortenError(
    "invalid-argument",
    `layer entry ${quoteName(entry.path)} at byte ${entry.offset} ${problem}`,
  );
}
