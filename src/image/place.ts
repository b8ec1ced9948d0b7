import type { Store } from "../content/index.ts";
import { CortenError, canonicalReference } from "../spec/index.ts";
import type { ImageSink, ImageSource, OpenOptions, OpenSinkOptions, Place } from "../transport/index.ts";
import { openSink, openSource, parsePlace, printPlace, TRANSPORTS } from "../transport/index.ts";
import { resolveImage } from "./find.ts";
import { StoreSink } from "./store-sink.ts";
import { StoreSource } from "./store-source.ts";

/** Where an image can be: a place of the transport room, or the store under a name. */
export type ImagePlace = Place | StorePlace;

/** An image of the store. */
export interface StorePlace {
  readonly kind: "store";
  /** A name, an ID or the beginning of one; for writing a name. */
  readonly name: string;
}

/** The store that places of kind `store` are in; needed by these alone. */
interface WithStore {
  readonly store?: () => Store;
}

/** Options of {@link openImageSource}. */
export type OpenImageSourceOptions = OpenOptions &
  WithStore & {
    /** Refuse an image of the store that is not here as its manifest has it. Default: false. */
    readonly preserveDigests?: boolean;
  };
/** Options of {@link openImageSink}. */
export type OpenImageSinkOptions = OpenSinkOptions & WithStore;

const STORE_TRANSPORT = "corten:";

/**
 * Parses what `parsePlace` does, and `corten:NAME` for an image of the store.
 *
 * @throws invalid-argument, naming the text
 */
export function parseImagePlace(text: string): ImagePlace {
  if (!text.startsWith(STORE_TRANSPORT)) {
    if (TRANSPORTS.some((transport) => text.startsWith(`${transport}:`))) return parsePlace(text);
    const known = [
      ...TRANSPORTS.map((transport) => (transport === "docker" ? "docker://" : transport)),
      "corten",
    ];
    throw new CortenError(
      "invalid-argument",
      `invalid image place "${text.slice(0, 200)}": it begins with none of ${known.join(", ")}`,
      { hint: `an image in a registry is docker://${text.slice(0, 100)}, one that is here corten:NAME` },
    );
  }
  const name = text.slice(STORE_TRANSPORT.length);
  if (/^[\x21-\x7e]{1,600}$/.test(name)) return { kind: "store", name };
  throw new CortenError("invalid-argument", `invalid image place "${text.slice(0, 200)}": the name is empty`);
}

/** The text that {@link parseImagePlace} reads back as `place`. */
export function printImagePlace(place: ImagePlace): string {
  return place.kind === "store" ? `${STORE_TRANSPORT}${place.name}` : printPlace(place);
}

/**
 * Opens a place to read an image from.
 *
 * @throws what `openSource` and `resolveImage` throw
 */
export async function openImageSource(
  place: ImagePlace,
  options: OpenImageSourceOptions = {},
): Promise<ImageSource> {
  if (place.kind !== "store") return openSource(place, options);
  const store = storeOf(options);
  const image = await resolveImage(store, place.name);
  return StoreSource.open(store, place.name, image.root, options);
}

/**
 * Opens a place to write an image to. `additionalNames` are further names that it gets there: names as they
 * stand behind the path in a layout or archive, references in a docker-archive and in the store.
 *
 * @throws what `openSink` throws
 */
export async function openImageSink(
  place: ImagePlace,
  options: OpenImageSinkOptions = {},
): Promise<ImageSink> {
  if (place.kind !== "store") return openSink(place, options);
  return new StoreSink(storeOf(options), [place.name, ...(options.additionalNames ?? [])]);
}

/** The name of a place's image as a reference; undefined where it has none. */
export function referenceAt(place: ImagePlace): string | undefined {
  if (place.kind === "registry") return canonicalReference(place.reference);
  return "name" in place ? place.name : place.ref;
}

/** @throws invalid-argument when there is none */
export function storeOf({ store }: WithStore): Store {
  if (store !== undefined) return store();
  throw new CortenError("invalid-argument", "the place is in the store, but no store was given");
}
