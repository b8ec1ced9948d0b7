import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { writeTar } from "../archive/index.ts";
import type { Descriptor, Digest } from "../spec/index.ts";
import { CortenError, MediaType } from "../spec/index.ts";
import { walkDocuments } from "./graph.ts";
import type { Document, ImageSink, ImageSource } from "./place.ts";

/** A small image in memory: the place that tests copy from. */
export class MemoryImage implements ImageSource {
  readonly name = "memory";
  readonly blobs = new Map<Digest, Uint8Array>();
  readonly #root: Document;

  constructor(root: Document, blobs: Iterable<Uint8Array>) {
    this.#root = root;
    for (const bytes of blobs) this.blobs.set(sha256(bytes), bytes);
    this.blobs.set(root.descriptor.digest, root.bytes);
  }

  async root(): Promise<Document> {
    return this.#root;
  }

  async manifest({ digest }: Descriptor): Promise<Uint8Array> {
    const bytes = this.blobs.get(digest);
    if (bytes === undefined) throw new CortenError("not-found", `memory has no ${digest}`);
    return bytes;
  }

  async blob(descriptor: Descriptor, { offset = 0 } = {}): Promise<AsyncIterable<Uint8Array>> {
    return pieces((await this.manifest(descriptor)).subarray(offset));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Bytes as a stream of uneven pieces. */
export async function* pieces(
  bytes: Uint8Array,
  length = 10_007,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

export function sha256(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export function describe(bytes: Uint8Array, mediaType: string): Descriptor {
  return { mediaType, digest: sha256(bytes), size: bytes.length };
}

export function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

export async function collect(content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** An image of two gzip layers; `seed` tells images apart, `size` is that of the big file inside. */
export async function smallImage({
  seed = 1,
  size = 300_000,
  architecture = "amd64",
} = {}): Promise<MemoryImage> {
  const noise = Buffer.alloc(size);
  for (let index = 0, state = seed; index < size; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    noise[index] = state >>> 24;
  }
  const tars = [
    await collect(
      writeTar([
        { type: "directory", path: "etc" },
        { type: "file", path: "etc/name", body: new TextEncoder().encode(`image ${seed}\n`) },
      ]),
    ),
    await collect(writeTar([{ type: "file", path: "noise", body: noise }])),
  ];
  const layers = tars.map((tar) => new Uint8Array(gzipSync(tar)));
  const config = jsonBytes({
    architecture,
    os: "linux",
    config: { Cmd: ["/bin/true"], Env: [`SEED=${seed}`] },
    rootfs: { type: "layers", diff_ids: tars.map(sha256) },
    history: [{ created_by: "test" }, { created_by: "test" }],
  });
  const manifest = jsonBytes({
    schemaVersion: 2,
    mediaType: MediaType.imageManifest,
    config: describe(config, MediaType.imageConfig),
    layers: layers.map((layer) => describe(layer, MediaType.layerGzip)),
  });
  return new MemoryImage({ descriptor: describe(manifest, MediaType.imageManifest), bytes: manifest }, [
    config,
    ...layers,
  ]);
}

/** An index of one image each for amd64 and arm64. */
export async function indexImage(): Promise<MemoryImage> {
  const architectures = ["amd64", "arm64"];
  const images = await Promise.all(
    architectures.map((architecture, seed) => smallImage({ seed: seed + 7, size: 5000, architecture })),
  );
  const roots = await Promise.all(images.map((image) => image.root()));
  const manifests = roots.map(({ descriptor }, index) => ({
    ...descriptor,
    platform: { os: "linux", architecture: architectures[index]! },
  }));
  const bytes = jsonBytes({ schemaVersion: 2, mediaType: MediaType.imageIndex, manifests });
  const blobs = images.flatMap((image) => [...image.blobs.values()]);
  return new MemoryImage({ descriptor: describe(bytes, MediaType.imageIndex), bytes }, blobs);
}

/** Copies an image whole, the way `image/` does but one part after the other. */
export async function copyImage(source: ImageSource, sink: ImageSink): Promise<Document> {
  const root = await source.root();
  for await (const { document, parsed } of walkDocuments(source, root)) {
    const blobs = parsed.kind === "manifest" ? [parsed.manifest.config, ...parsed.manifest.layers] : [];
    for (const blob of blobs) {
      if (!(await sink.hasBlob(blob))) await sink.writeBlob(blob, await source.blob(blob));
    }
    await sink.writeManifest(document);
  }
  await sink.commit(root);
  return root;
}

/** Every document and blob of an image, by digest: what two places must have in common. */
export async function contentsOf(source: ImageSource): Promise<Map<Digest, string>> {
  const found = new Map<Digest, string>();
  for await (const { document, parsed } of walkDocuments(source, await source.root())) {
    found.set(document.descriptor.digest, sha256(document.bytes));
    const blobs = parsed.kind === "manifest" ? [parsed.manifest.config, ...parsed.manifest.layers] : [];
    for (const blob of blobs) found.set(blob.digest, sha256(await collect(await source.blob(blob))));
  }
  return found;
}
