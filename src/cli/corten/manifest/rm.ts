import { readIndex, removeImage } from "../../../image/index.ts";
import { forEachArgument } from "../each.ts";
import { openImageStore } from "../images/store.ts";
import type { CortenCall } from "../table/globals.ts";
import type { manifestRmOptions } from "../table/manifest.ts";

/** `corten manifest rm LIST…`: prints the digests of what is gone. */
export async function run(call: CortenCall<typeof manifestRmOptions>): Promise<number> {
  using store = openImageStore(call);
  const code = await forEachArgument(call.args, async (list) => {
    const { descriptor } = await readIndex(store, list);
    await removeImage(store, list, { keepContent: true });
    return descriptor.digest;
  });
  await store.collect();
  return code;
}
