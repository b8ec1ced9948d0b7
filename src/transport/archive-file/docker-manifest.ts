import type { Reference } from "../../spec/index.ts";
import {
  CortenError,
  canonicalReference,
  familiarReference,
  JsonView,
  MAX_DOCUMENT_SIZE,
  parseReference,
  parseStrictJson,
} from "../../spec/index.ts";
import { readSmall } from "../layout/contents.ts";
import type { LayoutFiles } from "../layout/files.ts";

/** One image of `docker save`'s `manifest.json`. */
export interface SavedImage {
  /** Path of the configuration in the archive. */
  readonly config: string;
  /** Paths of the layers, lowest first. */
  readonly layers: readonly string[];
  readonly tags: readonly Reference[];
}

/**
 * The images of an archive that `docker save` wrote, in any of its forms since Docker 1.10.
 *
 * @throws invalid-argument when it is no such archive
 */
export async function readSavedImages(files: LayoutFiles): Promise<readonly SavedImage[]> {
  const bytes = await readSmall(files, "manifest.json", MAX_DOCUMENT_SIZE);
  if (bytes === undefined) {
    throw new CortenError(
      "invalid-argument",
      `${files.name} is not a docker-archive: it has no manifest.json`,
      {
        hint: "an archive of an OCI layout is opened as oci-archive",
      },
    );
  }
  const what = `${files.name}: manifest.json`;
  return new JsonView(parseStrictJson(bytes, what), what).items().map((image) => {
    const tags = image.field("RepoTags");
    const layers = image.field("Layers");
    return {
      config: image.field("Config").string(),
      layers: layers.absent ? [] : layers.strings(),
      tags: tags.absent ? [] : tags.items().map(readTag),
    };
  });
}

function readTag(view: JsonView): Reference {
  try {
    return parseReference(view.string());
  } catch (cause) {
    throw view.fault((cause as Error).message);
  }
}

/**
 * The image that `ref` names, the one at the position `ref`, or the only one.
 *
 * @throws not-found when there is none; failed-precondition when there are several to choose from
 */
export function chooseSavedImage(
  images: readonly SavedImage[],
  ref: string | number | undefined,
  name: string,
): SavedImage {
  if (typeof ref === "number") {
    const image = images[ref];
    if (image !== undefined) return image;
    throw new CortenError("not-found", `${name} holds ${images.length} images, the first is @0`);
  }
  const wanted = ref === undefined ? undefined : canonicalReference(parseReference(ref));
  const fits = images.filter(
    ({ tags }) => wanted === undefined || tags.some((tag) => canonicalReference(tag) === wanted),
  );
  const known = images
    .flatMap(({ tags }) => tags.map(familiarReference))
    .slice(0, 20)
    .join(", ");
  const hint = known === "" ? {} : { hint: `it has: ${known}` };
  const image = fits[0];
  if (image === undefined) throw new CortenError("not-found", `${name}: no image of that name`, hint);
  if (fits.length > 1)
    throw new CortenError("failed-precondition", `${name} holds several images: name one`, hint);
  return image;
}
