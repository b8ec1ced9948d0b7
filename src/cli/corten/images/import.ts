import { createReadStream } from "node:fs";
import { importRootfs, parsePlatform } from "../../../image/index.ts";
import { print } from "../../terminal/stream.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import type { importOptions } from "../table/images.ts";
import { layerHandling } from "./layer-copies.ts";
import { placeOrigin } from "./origin.ts";
import { openImageStore } from "./store.ts";

/** `corten import FILE [NAME]`; without a name the file's. */
export async function run(call: CortenCall<typeof importOptions>): Promise<number> {
  const { change, message, platform } = call.options;
  const [file, given] = call.args;
  const name = given ?? placeOrigin(`docker-archive:${file === "-" ? "imported" : file}`).name;
  using store = openImageStore(call);
  const image = await interruptible(async (signal) =>
    importRootfs(store, file === "-" ? process.stdin : createReadStream(file!), {
      name,
      signal,
      changes: change,
      consumer: layerHandling(store, call.globals).consumer!,
      comment: message ?? `imported from ${file}`,
      ...(platform === undefined ? {} : { platform: parsePlatform(platform) }),
    }),
  );
  print(await image.id());
  return 0;
}
