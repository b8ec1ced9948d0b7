import type { Collected, Store } from "../content/index.ts";
import type { Digest } from "../spec/index.ts";
import { CortenError, familiarReference, isCortenError, parseReference } from "../spec/index.ts";
import { findByName, resolveImage } from "./find.ts";
import type { Image } from "./image.ts";
import { isDigestName, repositoryOf, storedName } from "./naming.ts";
import { storedImage } from "./stored-image.ts";

/** A container that keeps an image from being removed. */
export interface ImageUser {
  /** Id or name, for the message. */
  readonly container: string;
  readonly running: boolean;
}

/** Options of {@link removeImage}. */
export interface RemoveImageOptions {
  /** Remove an image by id although it has several names, or although stopped containers use it. */
  readonly force?: boolean;
  /** The containers made from an image; the engine knows. Default: none. */
  readonly usedBy?: (image: Image) => readonly ImageUser[] | Promise<readonly ImageUser[]>;
  /** Leave the content for a later collection. Default false. */
  readonly keepContent?: boolean;
  readonly signal?: AbortSignal;
}

/** What was removed. */
export interface RemovedImage {
  /** Names that are gone, as users write them. */
  readonly untagged: readonly string[];
  /** Ids of images that are gone: empty when other names are left. */
  readonly deleted: readonly Digest[];
  readonly collected: Collected | undefined;
}

/**
 * Removes an image as `docker rmi` does. By a name: takes the name away, and the image with the last
 * one. By id: takes all names away; when they are several, only with `force`.
 *
 * @throws not-found; failed-precondition when containers use the image or it has several names
 */
export async function removeImage(
  store: Store,
  text: string,
  options: RemoveImageOptions = {},
): Promise<RemovedImage> {
  const { force = false, usedBy, keepContent = false, signal } = options;
  const byName = findByName(store, text);
  const images = byName === undefined ? await findSame(store, text) : [storedImage(store, byName)];
  const names = images.flatMap((image) => image.names);
  const going = byName === undefined ? names : namesToRemove(storedName(text), names);
  const last = going.length === names.length;
  if (byName === undefined && !force && countNames(names) > 1) {
    throw new CortenError(
      "failed-precondition",
      `image "${text}" has several names: ${names.map(familiar).join(", ")}`,
      {
        hint: "remove it by one of its names, or all of them with force",
      },
    );
  }
  if (last && usedBy !== undefined) {
    for (const image of images) refuseUsed(text, await usersOf(store, image, usedBy), force);
  }
  const deleted = last ? await idsOf(images) : [];
  store.database.transaction(
    () => {
      for (const name of going) store.names.remove(name);
    },
    { durable: true },
  );
  const collected =
    keepContent || !last ? undefined : await store.collect(signal === undefined ? {} : { signal });
  return { untagged: going.map(familiar), deleted, collected };
}

/** Takes one name away and nothing else. Returns false when there is no such name. */
export function untagImage(store: Store, name: string): boolean {
  return store.names.remove(storedName(name));
}

/** Every image with the id: an index and one of its manifests may both have names. */
async function findSame(store: Store, text: string): Promise<Image[]> {
  const image = await resolveImage(store, text);
  const ids = await idsOf([image]);
  const roots = new Map([[image.root.digest, image]]);
  for (const { descriptor } of store.names.list()) {
    const other = storedImage(store, descriptor);
    if ((await idsOf([other]))[0] === ids[0]) roots.set(other.root.digest, other);
  }
  return [...roots.values()];
}

/** With a repository's last tag goes its `<repository>@<digest>`, which only the tag's user knew. */
function namesToRemove(name: string, names: readonly string[]): string[] {
  if (!names.includes(name)) return names.filter((other) => repositoryOf(other) === repositoryOf(name));
  const left = names.filter((other) => other !== name);
  const sameRepository = left.filter((other) => repositoryOf(other) === repositoryOf(name));
  return [name, ...(sameRepository.every(isDigestName) ? sameRepository : [])];
}

/** How many names Docker would count: one repository's tag and digest are one. */
function countNames(names: readonly string[]): number {
  const tags = names.filter((name) => !isDigestName(name));
  const tagged = new Set(tags.map(repositoryOf));
  return tags.length + names.filter((name) => isDigestName(name) && !tagged.has(repositoryOf(name))).length;
}

async function usersOf(
  store: Store,
  image: Image,
  usedBy: NonNullable<RemoveImageOptions["usedBy"]>,
): Promise<readonly ImageUser[]> {
  try {
    return await usedBy(image);
  } catch (error) {
    if (!isCortenError(error, "data-loss") || store.names.of(image.root.digest).length > 0) throw error;
    throw new CortenError("not-found", `image ${image.root.digest} was removed meanwhile`, { cause: error });
  }
}

function refuseUsed(text: string, users: readonly ImageUser[], force: boolean): void {
  const running = users.filter((user) => user.running);
  const blocking = running.length > 0 ? running : force ? [] : users;
  if (blocking.length === 0) return;
  const containers = blocking.map(({ container }) => container).join(", ");
  const what = running.length > 0 ? "running container" : "container";
  throw new CortenError("failed-precondition", `image "${text}" is in use by ${what} ${containers}`, {
    hint:
      running.length > 0 ? "stop and remove the container first" : "remove the container first, or use force",
  });
}

/** Ids, the root's digest for what is damaged or no image: it has to be removable. */
async function idsOf(images: readonly Image[]): Promise<Digest[]> {
  const ids = await Promise.all(
    images.map(async (image) => {
      try {
        return await image.id();
      } catch (error) {
        if (error instanceof CortenError) return image.root.digest;
        throw error;
      }
    }),
  );
  return [...new Set(ids)];
}

function familiar(name: string): string {
  return familiarReference(parseReference(name));
}
