import { createHash } from "node:crypto";
import type { Descriptor, Digest, ImageManifest, Platform } from "../spec/index.ts";
import { CortenError, MediaType } from "../spec/index.ts";
import type { Document, ImageSink, ImageSource } from "../transport/index.ts";

/** For tests: the descriptor of some bytes. */
export function describeBytes(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: sha256(bytes), size: bytes.length };
}

export function sha256(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** For tests: what a source does wrong. */
export interface Faults {
  /** Ends each transfer of a blob after so many bytes with a retryable error. */
  cutAfter?: number;
  /** Ends transfers without an error instead. */
  cutSilently?: boolean;
  /** Gives these bytes for a blob. */
  readonly replaced: Map<Digest, Uint8Array>;
  /** Called before each chunk. */
  beforeChunk?: (digest: Digest, offset: number) => Promise<void> | void;
}

/** For tests: a place in memory that is a source and a sink, and can be told to fail. */
export class MemoryPlace implements ImageSource, ImageSink {
  readonly name = "memory:";
  readonly blobs = new Map<Digest, Uint8Array>();
  readonly faults: Faults = { replaced: new Map() };
  /** Every blob request: digest and offset. */
  readonly requests: { readonly digest: Digest; readonly offset: number }[] = [];
  chunkSize = 16 * 1024;
  #root: Document | undefined;

  add(mediaType: string, content: Uint8Array | string | object): Descriptor {
    const bytes =
      content instanceof Uint8Array
        ? content
        : Buffer.from(typeof content === "string" ? content : JSON.stringify(content));
    const descriptor = describeBytes(mediaType, bytes);
    this.blobs.set(descriptor.digest, bytes);
    return descriptor;
  }

  /** Adds an image whose layers are the given (uncompressed) bytes. */
  addImage(
    layers: readonly Uint8Array[],
    platform: Platform = { os: "linux", architecture: "amd64" },
    more: object = {},
  ): Descriptor {
    const descriptors = layers.map((layer) => this.add(MediaType.layer, layer));
    const config = this.add(MediaType.imageConfig, {
      ...platform,
      rootfs: { type: "layers", diff_ids: layers.map(sha256) },
      ...more,
    });
    const manifest: ImageManifest = {
      schemaVersion: 2,
      mediaType: MediaType.imageManifest,
      config,
      layers: descriptors,
    };
    return { ...this.add(MediaType.imageManifest, manifest), platform };
  }

  addIndex(manifests: readonly Descriptor[]): Descriptor {
    return this.add(MediaType.imageIndex, { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests });
  }

  setRoot({ mediaType, digest, size }: Descriptor): this {
    this.#root = { descriptor: { mediaType, digest, size }, bytes: this.blobs.get(digest)! };
    return this;
  }

  async root(): Promise<Document> {
    if (this.#root === undefined) throw new CortenError("not-found", "memory: is empty");
    return this.#root;
  }

  async manifest({ digest }: Descriptor): Promise<Uint8Array> {
    const bytes = this.blobs.get(digest);
    if (bytes === undefined) throw new CortenError("not-found", `memory: has no ${digest}`);
    return bytes;
  }

  async blob({ digest }: Descriptor, { offset = 0 }: { readonly offset?: number } = {}) {
    this.requests.push({ digest, offset });
    const bytes = this.faults.replaced.get(digest) ?? this.blobs.get(digest);
    if (bytes === undefined) throw new CortenError("not-found", `memory: has no ${digest}`);
    return this.#stream(digest, bytes, offset);
  }

  async *#stream(
    digest: Digest,
    bytes: Uint8Array,
    offset: number,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { cutAfter = Infinity, cutSilently = false, beforeChunk } = this.faults;
    const end = Math.min(bytes.length, offset + cutAfter);
    for (let at = offset; at < end; at += this.chunkSize) {
      await beforeChunk?.(digest, at);
      yield bytes.subarray(at, Math.min(at + this.chunkSize, end));
    }
    if (end < bytes.length && !cutSilently) throw new CortenError("unavailable", "memory: connection cut");
  }

  async hasBlob({ digest }: Descriptor): Promise<boolean> {
    return this.blobs.has(digest);
  }

  async writeBlob({ digest }: Descriptor, content: AsyncIterable<Uint8Array>): Promise<void> {
    this.blobs.set(digest, Buffer.concat(await Array.fromAsync(content)));
  }

  async writeManifest({ descriptor, bytes }: Document): Promise<void> {
    this.blobs.set(descriptor.digest, bytes);
  }

  async commit(root: Document): Promise<void> {
    this.#root = root;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#root = undefined;
  }
}
