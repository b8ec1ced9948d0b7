import { writeFile } from "node:fs/promises";
import { copyBetween, parseImagePlace, readIndex, removeImage, uploadJournal } from "../../../image/index.ts";
import { parseReference } from "../../../spec/index.ts";
import { print } from "../../terminal/stream.ts";
import { isImagePlace } from "../images/origin.ts";
import { openImageStore } from "../images/store.ts";
import { showTransfer } from "../images/transfer-progress.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import type { manifestPushOptions } from "../table/manifest.ts";
import { accessOf, registryAccess } from "../transfer/access.ts";

/** `corten manifest push LIST [DESTINATION]`: prints the digest that the name means there now. */
export async function run(call: CortenCall<typeof manifestPushOptions>): Promise<number> {
  const { options, args } = call;
  const [list, destination = list!] = args;
  const to = isImagePlace(destination)
    ? parseImagePlace(destination)
    : ({ kind: "registry", reference: parseReference(destination) } as const);
  const { format } = options;
  const compression = options["compression-format"];
  const retryTimes = options["retry-times"];
  using store = openImageStore(call);
  await readIndex(store, list!);
  const progress = await showTransfer(options.quiet, "push");
  const registry = registryAccess(accessOf(options), progress.note, retryTimes);
  const { descriptor } = await interruptible((signal) =>
    copyBetween({ kind: "store", name: list! }, to, {
      multiArch: options.all ? "all" : "index-only",
      convert: {
        ...(format === undefined ? {} : { format }),
        ...(compression === undefined ? {} : { compression }),
      },
      signal,
      onProgress: progress.onProgress,
      ...(retryTimes === undefined ? {} : { retryTimes }),
      source: { store: () => store },
      destination: { store: () => store, registry: { ...registry, uploads: uploadJournal(store) } },
    }),
  ).finally(() => progress.finish());
  if (options.digestfile !== undefined) await writeFile(options.digestfile, descriptor.digest);
  if (options.rm) await removeImage(store, list!);
  print(descriptor.digest);
  return 0;
}
