import type { Store } from "../../content/index.ts";
import type { Image } from "../../image/index.ts";
import {
  CortenError,
  canonicalReference,
  type Descriptor,
  isCortenError,
  isIndexType,
  parseIndex,
  parseManifest,
  parseReference,
} from "../../spec/index.ts";
import type { EngineContext } from "../context.ts";
import type { CheckFinding, CheckOptions } from "./finding.ts";

/** Each image with a name: whether all is there that it needs, and whether its unpacked layers are what they were made as. */
export async function* checkImages(
  context: EngineContext,
  options: CheckOptions,
): AsyncGenerator<CheckFinding> {
  const { listImages } = await import("../../image/index.ts");
  for (const image of listImages(context.store)) {
    options.signal?.throwIfAborted();
    let lacking = await lackingParts(context.store, image.root);
    // One that was removed meanwhile lacks what it lacks.
    if (lacking !== undefined && isStillNamed(context.store, image)) {
      const object = image.names[0]!;
      const repaired = options.repair === true ? await mend(context, image, options) : undefined;
      yield { kind: "image", object, problem: lacking, repaired };
      if (repaired === undefined) continue;
      lacking = await lackingParts(context.store, image.root);
    }
    if (lacking === undefined) yield* checkLayers(context, image, options);
  }
}

/** What an image needs and is not here, or cannot be read; undefined when it is whole. */
async function lackingParts(store: Store, root: Descriptor): Promise<string | undefined> {
  try {
    for (const manifest of await manifestsHere(store, root)) {
      const { config, layers } = parseManifest(await store.read(manifest), manifest.mediaType);
      for (const blob of [config, ...layers]) {
        if (!store.has(blob) && store.replacements.of(blob) === undefined)
          return `lacks ${blob.digest}, or has not all of it`;
      }
    }
    return undefined;
  } catch (error) {
    if (error instanceof CortenError) return `cannot be read: ${error.message}`;
    throw error;
  }
}

/** A store is sparse: of an index, the images that were brought in. */
async function manifestsHere(store: Store, root: Descriptor): Promise<readonly Descriptor[]> {
  if (!isIndexType(root.mediaType)) return [root];
  const here: Descriptor[] = [];
  const indexes = [root];
  const seen = new Set<string>();
  for (let next = indexes.pop(); next !== undefined; next = indexes.pop()) {
    if (seen.has(next.digest)) continue;
    seen.add(next.digest);
    for (const child of parseIndex(await store.read(next), next.mediaType).manifests) {
      if (!store.has(child)) continue;
      if (isIndexType(child.mediaType)) indexes.push(child);
      else here.push(child);
    }
  }
  if (here.length > 0) return here;
  throw new CortenError("not-found", `none of the images of index ${root.digest} is here`);
}

function isStillNamed(store: Store, { root }: Image): boolean {
  return store.names.of(root.digest).length > 0;
}

async function mend(
  { store }: EngineContext,
  image: Image,
  { refetch, remove = false }: CheckOptions,
): Promise<string | undefined> {
  if (refetch !== undefined && (await isFetchedAgain(store, image, refetch))) return "fetched again";
  if (!remove) return undefined;
  for (const { name: own } of store.names.of(image.root.digest)) store.names.remove(own);
  return "removed";
}

/** By its digest: what a tag means may be another image by now, and that is not to change here. */
async function isFetchedAgain(
  store: Store,
  { root, names }: Image,
  refetch: (name: string) => Promise<void>,
): Promise<boolean> {
  const { registry, repository } = parseReference(names[0]!);
  const name = canonicalReference({ registry, repository, digest: root.digest });
  const known = store.names.get(name) !== undefined;
  try {
    await refetch(name);
  } catch (error) {
    // It is nowhere to be had: that is not this check's failure.
    if (!isCortenError(error)) throw error;
  } finally {
    if (!known) store.names.remove(name);
  }
  return (await lackingParts(store, root)) === undefined;
}

async function* checkLayers(
  { store, snapshots }: EngineContext,
  image: Image,
  { quick = false, repair = false, signal }: CheckOptions,
): AsyncGenerator<CheckFinding> {
  const call = signal === undefined ? {} : { signal };
  const damaged: { file: string; problem: string }[] = [];
  try {
    for await (const found of snapshots.verify(store, image, { quick, ...call })) damaged.push(found);
  } catch (error) {
    // An artifact has no layers that could be unpacked.
    if (!isCortenError(error, "failed-precondition")) throw error;
  }
  if (repair && damaged.length > 0) {
    for (const { file } of damaged) await snapshots.discard(file);
    await snapshots.prepare(store, image, call);
  }
  for (const { file, problem } of damaged) {
    yield { kind: "snapshot", object: file, problem, repaired: repair ? "made again" : undefined };
  }
}
