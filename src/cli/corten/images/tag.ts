import { tagImage } from "../../../image/index.ts";
import type { CortenCall } from "../table/globals.ts";
import type { tagOptions } from "../table/images.ts";
import { openImageStore } from "./store.ts";

/** `corten tag IMAGE NAME` */
export async function run(call: CortenCall<typeof tagOptions>): Promise<number> {
  using store = openImageStore(call);
  await tagImage(store, call.args[0]!, call.args[1]!);
  return 0;
}
