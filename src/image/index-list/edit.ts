import type { Lease, Store } from "../../content/index.ts";
import type { Descriptor } from "../../spec/index.ts";
import {
  CortenError,
  isIndexType,
  MAX_DOCUMENT_SIZE,
  MediaType,
  parseIndex,
  parseStrictJson,
} from "../../spec/index.ts";
import { digestOf } from "../../transport/index.ts";
import { findByName } from "../find.ts";
import { storedName } from "../naming.ts";

/** An index as it is edited: every field, known or not. */
export interface RawIndex {
  readonly [field: string]: unknown;
  readonly manifests: readonly RawEntry[];
}

/** An entry of an index with every field, known or not. */
export type RawEntry = Descriptor & { readonly [field: string]: unknown };

const EMPTY: RawIndex = { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: [] };

/**
 * Makes an index without entries and gives it a name.
 *
 * @param options `amend`: an index that has the name stays as it is
 * @throws already-exists when the name means something
 */
export async function createIndex(
  store: Store,
  name: string,
  options: { readonly amend?: boolean; readonly signal?: AbortSignal } = {},
): Promise<Descriptor> {
  const before = findByName(store, name);
  if (before !== undefined) {
    if (options.amend === true && isIndexType(before.mediaType)) return before;
    throw new CortenError("already-exists", `the name "${name}" is in use`, {
      hint: "--amend goes on with an index that is here",
    });
  }
  using lease = store.lease();
  const made = await put(store, EMPTY, lease, options.signal);
  setIf(store, storedName(name), undefined, made, name);
  return made;
}

/** An index of the store with all its fields. @throws not-found; failed-precondition when it is no index */
export async function readIndex(
  store: Store,
  name: string,
): Promise<{ readonly descriptor: Descriptor; readonly index: RawIndex }> {
  const descriptor = findByName(store, name);
  if (descriptor === undefined) {
    throw new CortenError("not-found", `there is no index "${name}"`, {
      hint: `make it with: corten manifest create ${name}`,
    });
  }
  if (!isIndexType(descriptor.mediaType)) {
    throw new CortenError("failed-precondition", `"${name}" is one image, not an index of several`);
  }
  const bytes = await store.read(descriptor, { maxBytes: MAX_DOCUMENT_SIZE });
  parseIndex(bytes, descriptor.mediaType, { what: `index "${name}"` });
  const raw = parseStrictJson(bytes, name) as Partial<RawIndex>;
  return { descriptor, index: { ...raw, manifests: raw.manifests ?? [] } };
}

/**
 * Replaces an index by what `change` makes of it. Several may edit one index at the same time: who comes
 * second changes what the first has made.
 *
 * @param lease keeps what new entries lead to until the name does
 * @returns the new index
 * @throws what {@link readIndex} and `change` throw; resource-exhausted when it gets too large
 */
export async function editIndex(
  store: Store,
  name: string,
  change: (index: RawIndex) => RawIndex,
  lease: Lease,
  signal?: AbortSignal,
): Promise<Descriptor> {
  for (;;) {
    signal?.throwIfAborted();
    const { descriptor, index } = await readIndex(store, name);
    const made = await put(store, change(index), lease, signal);
    if (setIf(store, storedName(name), descriptor, made, name)) return made;
  }
}

async function put(
  store: Store,
  index: RawIndex,
  lease: Lease,
  signal: AbortSignal | undefined,
): Promise<Descriptor> {
  const bytes = new TextEncoder().encode(JSON.stringify(index));
  const mediaType = typeof index["mediaType"] === "string" ? index["mediaType"] : MediaType.imageIndex;
  parseIndex(bytes, mediaType, { what: "the index" });
  const descriptor = { mediaType, digest: await digestOf(bytes), size: bytes.length };
  await store.put(descriptor, bytes, { lease, ...(signal === undefined ? {} : { signal }) });
  return descriptor;
}

/** Sets the name unless it means something else by now; what it meant is no image to keep. */
function setIf(
  store: Store,
  stored: string,
  before: Descriptor | undefined,
  after: Descriptor,
  name: string,
): boolean {
  return store.database.transaction(
    () => {
      const current = store.names.get(stored)?.descriptor;
      if (current?.digest === before?.digest) {
        store.names.set(stored, after);
        return true;
      }
      if (before !== undefined && current !== undefined) return false;
      throw new CortenError("failed-precondition", `"${name}" came or went while it was edited`);
    },
    { durable: true },
  );
}
