import { stat } from "node:fs/promises";
import { CortenError, canonicalReference } from "../spec/index.ts";
import type { Place } from "./address.ts";
import { parsePlace, printPlace } from "./address.ts";

/** One image of a place that may hold several. */
export interface ListedImage {
  /** What the place calls it: tags of a docker-archive in full, names of a layout as they are written. */
  readonly names: readonly string[];
  /** The place that opens it. */
  readonly place: Place;
}

/**
 * The images in a layout or archive, in the order it lists them. An image without a name can be opened
 * only where it is the place's one image.
 *
 * @throws invalid-argument when the place is not what its transport says, or is a registry
 */
export async function listImages(place: Place | string): Promise<readonly ListedImage[]> {
  const at = typeof place === "string" ? parsePlace(place) : place;
  if (at.kind === "registry") {
    throw new CortenError(
      "invalid-argument",
      `${printPlace(at)}: a reference names one image, there is nothing to list`,
    );
  }
  const images = at.kind === "docker-archive" ? await savedNames(at) : await layoutNames(at);
  return images.map((names) => {
    const [ref] = names;
    return {
      names,
      place: ref === undefined ? { kind: at.kind, path: at.path } : { kind: at.kind, path: at.path, ref },
    };
  });
}

/**
 * What stands at a path of which only the path is known: a layout directory, an archive that Docker can
 * load, or another archive of a layout. Docker's own archives are layouts too since version 25; they
 * count as docker-archive, for only its `manifest.json` has the full names.
 *
 * @throws not-found when nothing does; invalid-argument when it holds no image
 */
export async function recogniseImages(path: string): Promise<Exclude<Place, { kind: "registry" }>> {
  if ((await stat(path).catch(() => undefined))?.isDirectory() === true) return { kind: "layout", path };
  const { TarFile } = await import("./archive-file/tar-file.ts");
  await using file = await TarFile.open(path, path, { symlinks: true });
  if ((await file.size("manifest.json")) !== undefined) return { kind: "docker-archive", path };
  if ((await file.size("oci-layout")) !== undefined) return { kind: "oci-archive", path };
  throw new CortenError(
    "invalid-argument",
    `${path} holds no image: it has neither manifest.json nor oci-layout`,
  );
}

async function savedNames({ path }: { readonly path: string }): Promise<readonly (readonly string[])[]> {
  const { TarFile } = await import("./archive-file/tar-file.ts");
  const { readSavedImages } = await import("./archive-file/docker-manifest.ts");
  await using file = await TarFile.open(`docker-archive:${path}`, path, { symlinks: true });
  return (await readSavedImages(file)).map(({ tags }) => tags.map(canonicalReference));
}

async function layoutNames(
  place: Exclude<Place, { kind: "registry" }>,
): Promise<readonly (readonly string[])[]> {
  const { namesOf, readLayoutIndex } = await import("./layout/contents.ts");
  const name = printPlace(place);
  await using files = await openFiles(place.kind, name, place.path);
  return (await readLayoutIndex(files)).manifests.map(namesOf);
}

async function openFiles(kind: Place["kind"], name: string, path: string) {
  if (kind === "layout") {
    const { LayoutDirectory } = await import("./layout/directory.ts");
    return LayoutDirectory.open(name, path, { create: false });
  }
  const { TarFile } = await import("./archive-file/tar-file.ts");
  return TarFile.open(name, path, { symlinks: false });
}
