import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { loadImages } from "../../../image/index.ts";
import { CortenError, familiarReference, parseReference } from "../../../spec/index.ts";
import { isTerminal, print } from "../../terminal/stream.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import type { loadOptions } from "../table/images.ts";
import { layerHandling } from "./layer-copies.ts";
import { openImageStore } from "./store.ts";
import { temporaryFile } from "./temporary-file.ts";
import { showTransfer } from "./transfer-progress.ts";

/** `corten load`: every image of the archive. Stdin goes to a file first: an archive is read from its end, too. */
export async function run(call: CortenCall<typeof loadOptions>): Promise<number> {
  const { input, quiet } = call.options;
  if (input === undefined && isTerminal(0)) {
    throw new CortenError("invalid-argument", "an archive is not read from a terminal", {
      hint: "name a file with -i, or redirect stdin",
    });
  }
  using store = openImageStore(call);
  using temporary = input === undefined ? temporaryFile() : undefined;
  const path = input ?? temporary!.path;
  const progress = await showTransfer(quiet, "pull");
  const loaded = await interruptible(async (signal) => {
    if (temporary) await pipeline(process.stdin, createWriteStream(path, { mode: 0o600 }), { signal });
    return await loadImages(store, path, {
      signal,
      onProgress: progress.onProgress,
      ...layerHandling(store, call.globals),
      allPlatforms: call.options["all-platforms"],
      ...(temporary ? { repository: "localhost/stdin" } : {}),
    });
  }).finally(progress.finish);
  for (const name of loaded.flatMap(({ names }) => names)) {
    print(`Loaded image: ${familiarReference(parseReference(name))}`);
  }
  return 0;
}
