import { editIndex, withoutEntry } from "../../../image/index.ts";
import { print } from "../../terminal/stream.ts";
import { openImageStore } from "../images/store.ts";
import type { CortenCall } from "../table/globals.ts";
import type { manifestRemoveOptions } from "../table/manifest.ts";
import { entryDigest } from "./annotate.ts";

/** `corten manifest remove LIST DIGEST` */
export async function run(call: CortenCall<typeof manifestRemoveOptions>): Promise<number> {
  const [list, image] = call.args;
  using store = openImageStore(call);
  const digest = await entryDigest(store, list!, image!);
  using lease = store.lease();
  const made = await editIndex(store, list!, (index) => withoutEntry(index, digest), lease);
  print(made.digest);
  return 0;
}
