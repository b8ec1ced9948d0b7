import { stat } from "node:fs/promises";
import { canonicalReference } from "../spec/index.ts";
import type { LayoutFiles } from "./layout/files.ts";
import type { ImageSource } from "./place.ts";

/** One image of an {@link ImageSet}. */
export interface NamedImage {
  /** What the place calls it: tags of a docker-archive in full, names of a layout as they are written. */
  readonly names: readonly string[];
  /** Reads the image; it lives as long as the set, and need not be let go of by itself. */
  readonly source: ImageSource;
}

/** All images of a layout or archive, opened once. Let go of it with `await using`. */
export interface ImageSet extends AsyncDisposable {
  readonly kind: "layout" | "oci-archive" | "docker-archive";
  /** In the order in which the place lists them. */
  readonly images: readonly NamedImage[];
}

type Contents = Pick<ImageSet, "kind" | "images">;

/**
 * Opens whatever stands at a path of which only the path is known: a layout directory, an archive that
 * Docker can load, or another archive of a layout, packed or not, a pipe too. Docker's own archives are
 * layouts as well since version 25; they count as docker-archive, for only its `manifest.json` has the
 * full names.
 *
 * @param kind what it is, where that is known
 * @throws not-found when nothing does; invalid-argument when it holds no images
 */
export async function openImages(path: string, kind?: ImageSet["kind"]): Promise<ImageSet> {
  const directory = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  if (kind === "layout" || (kind === undefined && directory)) {
    const { LayoutDirectory } = await import("./layout/directory.ts");
    return openSet(await LayoutDirectory.open(path, path, { create: false }), (files) =>
      layoutImages(files, "layout"),
    );
  }
  const { TarFile } = await import("./archive-file/tar-file.ts");
  return openSet(await TarFile.open(path, path), async (files) => {
    const saved =
      kind === "docker-archive" || (kind === undefined && (await files.size("manifest.json")) !== undefined);
    return saved ? savedImages(files.followingSymlinks()) : layoutImages(files, "oci-archive");
  });
}

/** Makes the set; on failure nothing stays open. */
async function openSet<F extends LayoutFiles>(
  files: F,
  read: (files: F) => Promise<Contents>,
): Promise<ImageSet> {
  try {
    return { ...(await read(files)), [Symbol.asyncDispose]: () => files[Symbol.asyncDispose]() };
  } catch (error) {
    await files[Symbol.asyncDispose]();
    throw error;
  }
}

async function savedImages(files: LayoutFiles): Promise<Contents> {
  const { readSavedImages } = await import("./archive-file/docker-manifest.ts");
  const { DockerArchiveSource } = await import("./archive-file/docker-source.ts");
  const shared = withoutClosing(files);
  const images = (await readSavedImages(files)).map((image) => ({
    names: image.tags.map(canonicalReference),
    source: new DockerArchiveSource(shared, image),
  }));
  return { kind: "docker-archive", images };
}

async function layoutImages(files: LayoutFiles, kind: "layout" | "oci-archive"): Promise<Contents> {
  const { namesOf, readLayoutIndex } = await import("./layout/contents.ts");
  const { LayoutSource } = await import("./layout/source.ts");
  const shared = withoutClosing(files);
  const images = (await readLayoutIndex(files)).manifests.map((entry) => ({
    names: namesOf(entry),
    source: new LayoutSource(shared, entry),
  }));
  return { kind, images };
}

/** The files as each image of the set sees them: the set closes them. */
function withoutClosing(files: LayoutFiles): LayoutFiles {
  return {
    name: files.name,
    size: (path) => files.size(path),
    read: (path, offset) => files.read(path, offset),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
