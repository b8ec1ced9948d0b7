import type { Store } from "../../../content/index.ts";
import { type Image, parsePlatform, pull, resolveImage } from "../../../image/index.ts";
import { isCortenError, isTag } from "../../../spec/index.ts";
import { openImages, openSource } from "../../../transport/index.ts";
import { write } from "../../terminal/stream.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import { accessOf, registryAccess } from "../transfer/access.ts";
import { layerHandling } from "./layer-copies.ts";
import { embeddedLayout, namesOf, type Origin, originsOf } from "./origin.ts";
import { ShortNameChoice } from "./short-name-choice.ts";
import { openImageStore } from "./store.ts";
import { showTransfer } from "./transfer-progress.ts";

/** The options that matter to a pull, wherever it is asked for. */
export interface FetchOptions {
  readonly "tls-verify": boolean;
  readonly creds: string | undefined;
  readonly authfile?: string | undefined;
  readonly platform: string | undefined;
  readonly quiet: boolean;
  readonly "all-platforms"?: boolean;
}

/** What fetching needs of a call. */
type FetchCall = Pick<CortenCall, "globals"> & { readonly options: FetchOptions };

/** Brings an image in from where its name says and shows progress on stderr; returns what it is called here. */
export async function fetchImage(call: FetchCall, text: string): Promise<string> {
  using store = openImageStore(call);
  return (await fetchInto(store, call, text)).name;
}

/**
 * The name of an image that was looked for under `text` in vain: it may be here under what registries.conf makes of
 * the text, else it is fetched. Undefined when it is here under `text`, so that something else was not found.
 */
export async function fetchMissingImage(call: FetchCall, text: string): Promise<string | undefined> {
  using store = openImageStore(call);
  if (await isHere(store, text)) return undefined;
  for (const name of await namesOf(text)) if (await isHere(store, name)) return name;
  if (!call.options.quiet) write(2, `Image "${text}" is not here, fetching it\n`);
  return (await fetchInto(store, call, text)).name;
}

async function isHere(store: Store, name: string): Promise<boolean> {
  try {
    await resolveImage(store, name);
    return true;
  } catch (error) {
    if (!isCortenError(error, "not-found")) throw error;
    return false;
  }
}

/** Brings an image into an open store, and says what it is called there. */
export async function fetchInto(
  store: Store,
  call: FetchCall,
  text: string,
): Promise<{ readonly image: Image; readonly name: string }> {
  const choice = new ShortNameChoice();
  const origins = await originsOf(text, choice.choose);
  const fetched = await fetchFirst(store, call, origins);
  await choice.remember();
  return fetched;
}

async function fetchFirst(
  store: Store,
  call: FetchCall,
  origins: readonly Origin[],
): Promise<{ readonly image: Image; readonly name: string }> {
  for (const origin of origins.slice(0, -1)) {
    try {
      return await fetchFrom(store, call, origin);
    } catch (error) {
      // A registry may say so of what it does not have, in order not to tell.
      const absent = ["not-found", "unauthenticated", "permission-denied"] as const;
      if (!absent.some((code) => isCortenError(error, code))) throw error;
    }
  }
  return fetchFrom(store, call, origins.at(-1)!);
}

async function fetchFrom(
  store: Store,
  { globals, options }: FetchCall,
  origin: Origin,
): Promise<{ readonly image: Image; readonly name: string }> {
  const { place, name } = await namedOrigin(origin);
  const { platform } = options;
  const progress = await showTransfer(options.quiet, "pull");
  try {
    return await interruptible(async (signal) => {
      await using source = await openSource(place, {
        registry: registryAccess(accessOf(options), progress.note),
      });
      const image = await pull(store, source, {
        name,
        signal,
        onProgress: progress.onProgress,
        ...layerHandling(store, globals, place),
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
