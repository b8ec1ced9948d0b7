import { readIndex } from "../../../image/index.ts";
import { print } from "../../terminal/stream.ts";
import { openImageStore } from "../images/store.ts";
import type { CortenCall } from "../table/globals.ts";
import type { manifestAddOptions } from "../table/manifest.ts";
import { addImages } from "./add-images.ts";
import { entrySettings } from "./entry-settings.ts";

/** `corten manifest add LIST IMAGE…` */
export async function run(call: CortenCall<typeof manifestAddOptions>): Promise<number> {
  const [list, ...images] = call.args;
  using store = openImageStore(call);
  // A list that is not there fails before an image is fetched for it.
  await readIndex(store, list!);
  await addImages(store, list!, images, call.options, entrySettings(call.options));
  print((await readIndex(store, list!)).descriptor.digest);
  return 0;
}
