import { openImageSource } from "../../../image/index.ts";
import { printJson, write } from "../../terminal/stream.ts";
import { openImageStore } from "../images/store.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import type { manifestInspectOptions } from "../table/manifest.ts";
import { accessOf, registryAccess } from "../transfer/access.ts";
import { placeOf } from "./add-images.ts";

/** `corten manifest inspect LIST`: an index, or a manifest where the name means one image. */
export async function run(call: CortenCall<typeof manifestInspectOptions>): Promise<number> {
  using store = openImageStore(call);
  const place = await placeOf(store, call.args[0]!);
  const registry = registryAccess(accessOf(call.options), (note) => write(2, `${note}\n`));
  const { bytes } = await interruptible(async (signal) => {
    await using source = await openImageSource(place, { registry, signal, store: () => store });
    return await source.root({ signal });
  });
  printJson(JSON.parse(new TextDecoder().decode(bytes)));
  return 0;
}
