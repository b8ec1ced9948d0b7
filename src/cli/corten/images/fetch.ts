import type { Store } from "../../../content/index.ts";
import { type Image, parsePlatform, pull, resolveImage } from "../../../image/index.ts";
import { isCortenError, isTag } from "../../../spec/index.ts";
import { openImages, openSource } from "../../../transport/index.ts";
import { write } from "../../terminal/stream.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import { embeddedLayout, type Origin, originOf, registryOptions } from "./origin.ts";
import { openImageStore } from "./store.ts";
import { showTransfer } from "./transfer-progress.ts";
import { unpackingConsumer } from "./unpacking.ts";

/** The options that matter to a pull, wherever it is asked for. */
export interface FetchOptions {
  readonly "tls-verify": boolean;
  readonly creds: string | undefined;
  readonly platform: string | undefined;
  readonly quiet: boolean;
  readonly "all-platforms"?: boolean;
}

type FetchCall = Pick<CortenCall, "globals"> & { readonly options: FetchOptions };

/** Brings an image in from where its name says and shows progress on stderr. */
export async function fetchImage(call: FetchCall, text: string): Promise<void> {
  using store = openImageStore(call);
  await fetchInto(store, call.options, text);
}

/** The same for an image that is not here; false when it is, so that something else was not found. */
export async function fetchMissingImage(call: FetchCall, text: string): Promise<boolean> {
  using store = openImageStore(call);
  try {
    await resolveImage(store, text);
    return false;
  } catch (error) {
    if (!isCortenError(error, "not-found")) throw error;
  }
  if (!call.options.quiet) write(2, `Image "${text}" is not here, fetching it\n`);
  await fetchInto(store, call.options, text);
  return true;
}

/** Brings an image into an open store, and says what it is called there. */
export async function fetchInto(
  store: Store,
  options: FetchOptions,
  text: string,
): Promise<{ readonly image: Image; readonly name: string }> {
  const { place, name } = await namedOrigin(originOf(text));
  const { platform } = options;
  const progress = await showTransfer(options.quiet, "pull");
  try {
    return await interruptible(async (signal) => {
      await using source = await openSource(place, { registry: registryOptions(options, progress.note) });
      const image = await pull(store, source, {
        name,
        signal,
        onProgress: progress.onProgress,
        consumer: unpackingConsumer(store),
        ...(platform === undefined ? {} : { platform: parsePlatform(platform) }),
        ...(options["all-platforms"] ? { allPlatforms: true } : {}),
      });
      return { image, name };
    });
  } finally {
    progress.finish();
  }
}

/** A layout or an archive of one image says itself what that is called. */
async function namedOrigin(origin: Origin): Promise<Origin> {
  const { place } = origin;
  if (!("path" in place) || place.kind === "directory" || place.index !== undefined) return origin;
  if (place.ref !== undefined || place.path === embeddedLayout()) return origin;
  await using set = await openImages(place.path, place.kind);
  const [only, ...others] = set.images;
  const name = others.length === 0 ? only?.names.find((text) => !isTag(text)) : undefined;
  return name === undefined ? origin : { place, name };
}
