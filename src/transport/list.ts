import { CortenError } from "../spec/index.ts";
import type { DiskPlace, Place } from "./address.ts";
import { parsePlace, printPlace } from "./address.ts";
import { openImages } from "./image-set.ts";

/** One image of a place that may hold several. */
export interface ListedImage {
  /** What the place calls it: tags of a docker-archive in full, names of a layout as they are written. */
  readonly names: readonly string[];
  /** The place that opens it. */
  readonly place: Place;
}

/**
 * The images in a layout or archive, in the order it lists them. An image without a name can be opened
 * by its place only where it is the one image there; `openImages` opens any.
 *
 * @throws invalid-argument when the place is not what its transport says, or is a registry
 */
export async function listImages(place: Place | string): Promise<readonly ListedImage[]> {
  const at = typeof place === "string" ? parsePlace(place) : place;
  if (at.kind === "registry") {
    throw new CortenError("invalid-argument", `${printPlace(at)} is one image, there is nothing to list`);
  }
  if (at.kind === "directory") return [{ names: [], place: at }];
  const { kind, path } = at;
  await using set = await openImages(path, kind);
  return set.images.map(({ names }) => {
    const [ref] = names;
    return { names, place: ref === undefined ? { kind, path } : { kind, path, ref } };
  });
}

/**
 * What stands at a path of which only the path is known, as `openImages` finds it.
 *
 * @throws not-found when nothing does; invalid-argument when it holds no image
 */
export async function recogniseImages(path: string): Promise<DiskPlace> {
  await using set = await openImages(path);
  return { kind: set.kind, path };
}
