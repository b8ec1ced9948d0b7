import type { Store } from "../../../content/index.ts";
import { type Image, resolveImage } from "../../../image/index.ts";
import { CortenError, type Descriptor, isCortenError } from "../../../spec/index.ts";
import type { RawPlace } from "../../../transport/index.ts";
import { openRaw, parsePlace } from "../../../transport/index.ts";
import type { Value } from "../../command/option.ts";
import { write } from "../../terminal/stream.ts";
import { isPlace } from "../images/origin.ts";
import { openImageStore } from "../images/store.ts";
import type { CortenCall } from "../table/globals.ts";
import { accessOf, registryAccess } from "../transfer/access.ts";

/** A place to look at, and which of its images is meant. */
export interface NamedRawPlace {
  readonly place: RawPlace;
  /** A name or digest in the place; undefined for all there is. */
  readonly image: string | number | undefined;
}

/** Opens the place that the user means; a text without transport, or with `corten:`, is an image of the store. */
export async function openRawPlace(
  call: Pick<CortenCall, "globals"> & { readonly options: Readonly<Record<string, Value>> },
  text: string,
): Promise<NamedRawPlace> {
  if (isPlace(text) && !text.startsWith("corten:")) {
    const place = parsePlace(text);
    const note = (text: string) => write(2, `${text}\n`);
    const image =
      place.kind === "layout" || place.kind === "oci-archive" ? (place.index ?? place.ref) : undefined;
    return { place: await openRaw(place, { registry: registryAccess(accessOf(call.options), note) }), image };
  }
  using store = openImageStore(call);
  const image = await resolveImage(store, text.replace(/^corten:/, ""));
  const { root } = image;
  const given = await replacedLayer(store, image);
  if (given !== undefined) {
    throw new CortenError("failed-precondition", `layer ${given.digest} is here unpacked only`, {
      hint: "name the image in its registry, docker://…, or fetch it whole: corten --layer-copies both pull",
    });
  }
  // The store's content is an OCI layout.
  return { place: await openRaw({ kind: "layout", path: store.directory }), image: root.digest };
}

/** A layer of an image that is here unpacked only; none where the image cannot be read, which is for others to tell. */
async function replacedLayer(store: Store, image: Image): Promise<Descriptor | undefined> {
  try {
    return (await image.manifest()).layers.find((layer) => store.replacements.of(layer) !== undefined);
  } catch (error) {
    if (isCortenError(error)) return undefined;
    throw error;
  }
}
