import type { Descriptor, Digest } from "../../spec/index.ts";
import { CortenError, MediaType } from "../../spec/index.ts";
import type { RawDocument, RawPlace } from "../../transport/index.ts";
import { describeBytes } from "../testing-image.ts";

/** For tests: a layout in memory, in which anything can be wrong. */
export class MemoryLayout implements RawPlace {
  readonly name = "memory:";
  readonly isLayout = true;
  readonly files = new Map<string, Uint8Array>();
  readonly blobs = new Map<Digest, Uint8Array>();
  /** How many documents were read: what a graph costs. */
  reads = 0;

  constructor() {
    this.setFile("oci-layout", { imageLayoutVersion: "1.0.0" });
  }

  setFile(path: string, content: unknown): this {
    this.files.set(path, bytesOf(content));
    return this;
  }

  add(mediaType: string, content: unknown): Descriptor {
    const bytes = bytesOf(content);
    const descriptor = describeBytes(mediaType, bytes);
    this.blobs.set(descriptor.digest, bytes);
    return descriptor;
  }

  /** Makes the layout's index of `manifests`. */
  index(...manifests: unknown[]): this {
    return this.setFile("index.json", { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests });
  }

  async file(path: string): Promise<Uint8Array | undefined> {
    return this.files.get(path);
  }

  async root(): Promise<RawDocument> {
    throw new CortenError("internal", "a layout has no root");
  }

  async document({ digest }: Descriptor): Promise<Uint8Array | undefined> {
    this.reads++;
    return this.blobs.get(digest);
  }

  async blob({ digest }: Descriptor): Promise<AsyncIterable<Uint8Array> | undefined> {
    const bytes = this.blobs.get(digest);
    return bytes === undefined ? undefined : piece(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.blobs.clear();
  }
}

async function* piece(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

function bytesOf(content: unknown): Uint8Array {
  if (content instanceof Uint8Array) return content;
  return Buffer.from(typeof content === "string" ? content : JSON.stringify(content));
}
