import { resolveImage } from "../../../image/index.ts";
import { isCortenError } from "../../../spec/index.ts";
import type { CortenCall } from "../table/globals.ts";
import { openImageStore } from "./store.ts";

/** `corten image exists IMAGE` */
export async function run(call: CortenCall): Promise<number> {
  using store = openImageStore(call);
  try {
    await resolveImage(store, call.args[0]!);
    return 0;
  } catch (error) {
    if (isCortenError(error, "not-found")) return 1;
    throw error;
  }
}
