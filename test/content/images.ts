import { createHash } from "node:crypto";
import type { Lease, Store } from "../../src/content/index.ts";
import { type Descriptor, type Digest, MediaType } from "../../src/spec/index.ts";

/** One blob of a made-up image. */
export interface Piece {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

function piece(mediaType: string, bytes: Uint8Array): Piece {
  const digest: Digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
}

/** The same bytes in every process: a layer that nothing compresses or makes sparse. */
function layer(seed: number): Piece {
  const block = createHash("sha512").update(`layer ${seed}`).digest();
  return piece(MediaType.layer, Buffer.alloc(300_000 + seed * 1000, block));
}

/** A made-up image, its manifest last. Neighbours share a layer, as images do. */
export function makeImage(seed: number): Piece[] {
  const layers = [layer(seed), layer(seed + 1)];
  const config = piece(MediaType.imageConfig, Buffer.from(JSON.stringify({ seed })));
  const manifest = {
    schemaVersion: 2,
    mediaType: MediaType.imageManifest,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
  };
  return [...layers, config, piece(MediaType.imageManifest, Buffer.from(JSON.stringify(manifest)))];
}

/** Brings a piece in as a pull does, in small writes, going on where an earlier process stopped. */
export async function bringIn(store: Store, lease: Lease, { descriptor, bytes }: Piece): Promise<void> {
  await using ingest = await store.ingest(descriptor, { lease });
  if (ingest === undefined) return;
  while (ingest.offset < bytes.length) {
    await ingest.write(bytes.subarray(ingest.offset, ingest.offset + 20_000));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await ingest.commit();
}

/** Brings in a whole image and gives it a name. */
export async function bringInImage(store: Store, seed: number, name: string): Promise<void> {
  using lease = store.lease();
  const pieces = makeImage(seed);
  await Promise.all(pieces.map((each) => bringIn(store, lease, each)));
  store.names.set(name, pieces.at(-1)!.descriptor);
}
