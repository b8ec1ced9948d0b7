import { readIndex } from "../../../image/index.ts";
import { isCortenError } from "../../../spec/index.ts";
import { openImageStore } from "../images/store.ts";
import type { CortenCall } from "../table/globals.ts";
import type { manifestExistsOptions } from "../table/manifest.ts";

/** `corten manifest exists LIST` */
export async function run(call: CortenCall<typeof manifestExistsOptions>): Promise<number> {
  using store = openImageStore(call);
  try {
    await readIndex(store, call.args[0]!);
    return 0;
  } catch (error) {
    if (isCortenError(error, "not-found") || isCortenError(error, "failed-precondition")) return 1;
    throw error;
  }
}
