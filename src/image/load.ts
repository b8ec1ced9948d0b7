import { basename } from "node:path";
import type { Store } from "../content/index.ts";
import { isTag } from "../spec/index.ts";
import type { Image } from "./image.ts";
import { moveName, storedName } from "./naming.ts";
import type { PullOptions } from "./pull.ts";
import { pull } from "./pull.ts";
import { storedImage } from "./stored-image.ts";

/** Options of {@link loadImages}. */
export interface LoadOptions extends Omit<PullOptions, "name"> {
  /**
   * The repository for images of which only a tag is known, or nothing. Default: `localhost/` and the
   * file's name without its extension.
   */
  readonly repository?: string;
}

/** What {@link loadImages} brought in. */
export interface LoadedImage {
  readonly image: Image;
  /** The names that it has got now; others may have been here before. */
  readonly names: readonly string[];
}

/**
 * Brings in every image of an archive (of Docker's or of an OCI layout, packed or not) or of a layout
 * directory, under all the names that they have there.
 *
 * @param path the file or directory
 * @throws not-found when there is none; invalid-argument when it holds no image; what `pull` throws
 */
export async function loadImages(
  store: Store,
  path: string,
  options: LoadOptions = {},
): Promise<LoadedImage[]> {
  const { openImages } = await import("../transport/index.ts");
  const { repository = repositoryFor(path), ...pulling } = options;
  const loaded: LoadedImage[] = [];
  await using set = await openImages(path);
  for (const { names, source } of set.images) {
    const full = names.filter((name) => !isShortFor(name, names)).map((name) => nameIn(repository, name));
    const [first = `${repository}:latest`, ...others] = new Set(full);
    const image = await pull(store, source, { ...pulling, name: first });
    // The first name holds the content; if someone takes it away this very moment, the others are not to be.
    for (const name of others) {
      store.database.transaction(
        () => {
          if (store.names.of(image.root.digest).length > 0) moveName(store, storedName(name), image.root);
        },
        { durable: true },
      );
    }
    loaded.push({
      image: storedImage(store, image.root, pulling),
      names: [first, ...others].map(storedName),
    });
  }
  return loaded;
}

/** A layout's entry may have a short name beside the full one, `1` and `docker.io/library/a:1`. */
function isShortFor(name: string, names: readonly string[]): boolean {
  return isTag(name) && names.some((other) => other.endsWith(`:${name}`));
}

function nameIn(repository: string, name: string): string {
  return isTag(name) ? `${repository}:${name}` : name;
}

function repositoryFor(path: string): string {
  const name = basename(path)
    .toLowerCase()
    .replace(/(?:\.(?:oci|docker|tar|tgz|tzst|gz|zst|bz2|xz))+$/, "")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return `localhost/${name === "" ? "loaded" : name}`;
}
