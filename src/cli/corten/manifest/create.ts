import { annotateIndex, createIndex, editIndex, readIndex } from "../../../image/index.ts";
import { print } from "../../terminal/stream.ts";
import { openImageStore } from "../images/store.ts";
import type { CortenCall } from "../table/globals.ts";
import type { manifestCreateOptions } from "../table/manifest.ts";
import { addImages } from "./add-images.ts";
import { parseAnnotations } from "./entry-settings.ts";

/** `corten manifest create LIST [IMAGE…]` */
export async function run(call: CortenCall<typeof manifestCreateOptions>): Promise<number> {
  const { options, args } = call;
  const [list, ...images] = args;
  const annotations = parseAnnotations(options.annotation);
  using store = openImageStore(call);
  await createIndex(store, list!, { amend: options.amend });
  if (options.annotation.length > 0) {
    using lease = store.lease();
    await editIndex(store, list!, (index) => annotateIndex(index, annotations), lease);
  }
  await addImages(store, list!, images, options, {});
  print((await readIndex(store, list!)).descriptor.digest);
  return 0;
}
