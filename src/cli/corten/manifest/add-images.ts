import type { Store } from "../../../content/index.ts";
import type { EntrySettings, ImagePlace } from "../../../image/index.ts";
import { addToIndex, openImageSource, parseImagePlace, resolveImage } from "../../../image/index.ts";
import { isCortenError, parseReference } from "../../../spec/index.ts";
import type { Values } from "../../command/option.ts";
import { isImagePlace } from "../images/origin.ts";
import { showTransfer } from "../images/transfer-progress.ts";
import { interruptible } from "../interruption.ts";
import type { manifestInspectOptions } from "../table/manifest.ts";
import { accessOf, registryAccess } from "../transfer/access.ts";

type Options = Values<typeof manifestInspectOptions> & { readonly all: boolean; readonly quiet: boolean };

/** Adds images to an index of the store, one after the other. */
export async function addImages(
  store: Store,
  list: string,
  images: readonly string[],
  options: Options,
  settings: EntrySettings,
): Promise<void> {
  const progress = await showTransfer(options.quiet, "copy");
  const registry = registryAccess(accessOf(options), progress.note);
  try {
    await interruptible(async (signal) => {
      for (const text of images) {
        const place = await placeOf(store, text);
        await using source = await openImageSource(place, { registry, signal, store: () => store });
        const { onProgress } = progress;
        await addToIndex(store, list, source, { all: options.all, settings, onProgress, signal });
      }
    });
  } finally {
    progress.finish();
  }
}

/** What the user means by a name: an image that is here, else one in a registry. */
export async function placeOf(store: Store, text: string): Promise<ImagePlace> {
  if (isImagePlace(text)) return parseImagePlace(text);
  try {
    await resolveImage(store, text);
    return { kind: "store", name: text };
  } catch (error) {
    if (!isCortenError(error, "not-found")) throw error;
    return { kind: "registry", reference: parseReference(text) };
  }
}
