import type { Store } from "../content/index.ts";
import type { Descriptor, Digest } from "../spec/index.ts";
import { CortenError, familiarReference, isCortenError, parseReference } from "../spec/index.ts";
import type { Image } from "./image.ts";
import { repositoryOf, storedName } from "./naming.ts";
import type { ViewOptions } from "./stored-image.ts";
import { storedImage } from "./stored-image.ts";

/** All images that have a name, one for each index or manifest, sorted by first name. */
export function listImages(store: Store, options?: ViewOptions): Image[] {
  const roots = new Map<Digest, Descriptor>();
  for (const { descriptor } of store.names.list()) roots.set(descriptor.digest, descriptor);
  return [...roots.values()].map((root) => storedImage(store, root, options));
}

/**
 * The image that the user means by `text`: a reference (`alpine`, `alpine@sha256:…`), an id or digest
 * (`sha256:…`, or its hexadecimal part), or the beginning of one. A reference wins over a beginning.
 *
 * @throws not-found; invalid-argument when a beginning fits several images
 */
export async function resolveImage(store: Store, text: string, options?: ViewOptions): Promise<Image> {
  const named = findByName(store, text);
  if (named !== undefined) return storedImage(store, named, options);
  const [image, ...others] = await findById(store, text, options);
  if (image === undefined) throw notFound(text);
  if (others.length > 0) throw ambiguous(text, [image, ...others]);
  return image;
}

/** What a reference means in the store; undefined when nothing, or when `text` is no reference. */
export function findByName(store: Store, text: string): Descriptor | undefined {
  let name: string;
  try {
    name = storedName(text);
  } catch (error) {
    if (isCortenError(error, "invalid-argument")) return undefined;
    throw error;
  }
  const exact = store.names.get(name);
  if (exact !== undefined) return exact.descriptor;
  const { digest } = parseReference(text);
  if (digest === undefined) return undefined;
  // A digest names the image of every tag in its repository that means it.
  const repository = repositoryOf(name);
  return store.names.of(digest).find((named) => repositoryOf(named.name) === repository)?.descriptor;
}

/** The images whose id, manifest or root digest is `text` or begins with it; one for each id. */
export async function findById(store: Store, text: string, options?: ViewOptions): Promise<Image[]> {
  const prefix = text.startsWith("sha256:") ? text.slice("sha256:".length) : text;
  if (!/^[0-9a-f]{1,64}$/.test(prefix)) return [];
  const fits = (digest: Digest) => digest.startsWith(`sha256:${prefix}`);
  const found = new Map<Digest, Image>();
  for (const image of listImages(store, options)) {
    const digests = await identify(image);
    const id = digests[0] ?? image.root.digest;
    if ([image.root.digest, ...digests].some(fits) && !found.has(id)) found.set(id, image);
  }
  return [...found.values()];
}

/** Id and manifest digest; none when the image is damaged, which must not hide the others. */
async function identify(image: Image): Promise<Digest[]> {
  try {
    return [await image.id(), (await image.descriptor()).digest];
  } catch (error) {
    if (error instanceof CortenError) return [];
    throw error;
  }
}

function notFound(text: string): CortenError {
  return new CortenError("not-found", `there is no image "${text.slice(0, 300)}"`, {
    hint: "list what is here with: corten images",
  });
}

function ambiguous(text: string, images: readonly Image[]): CortenError {
  const names = images.map((image) => familiar(image.names[0]) ?? image.root.digest);
  return new CortenError("invalid-argument", `"${text}" is the beginning of ${images.length} images' ids`, {
    hint: `it fits ${names.slice(0, 5).join(", ")}`,
  });
}

function familiar(name: string | undefined): string | undefined {
  return name === undefined ? undefined : familiarReference(parseReference(name));
}
