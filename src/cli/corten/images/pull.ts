import { familiarReference, parseReference } from "../../../spec/index.ts";
import { print, write } from "../../terminal/stream.ts";
import type { CortenCall } from "../table/globals.ts";
import type { pullOptions } from "../table/images.ts";
import { fetchInto } from "./fetch.ts";
import { openImageStore } from "./store.ts";

/** `corten pull`: progress on stderr, the image's ID or name on stdout. */
export async function run(call: CortenCall<typeof pullOptions>): Promise<number> {
  using store = openImageStore(call);
  for (const text of call.args) {
    const { image, name } = await fetchInto(store, call, text);
    if (!call.options.quiet) {
      write(2, `Digest: ${image.root.digest}\n`);
      write(2, `Image: ${familiarReference(parseReference(name))}\n`);
    }
    print(await image.id());
  }
  return 0;
}
