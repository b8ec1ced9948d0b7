import type { Descriptor } from "../../spec/index.ts";
import type { LayoutDirectory } from "../layout/directory.ts";
import type { Document, ImageSink, TransportOptions } from "../place.ts";
import { abortable, streamOf, verified, verifyBytes } from "../stream.ts";
import { blobFile, manifestFile, ROOT_FILE, VERSION_FILE, VERSION_TEXT } from "./names.ts";

/** A plain directory to write one image to, as skopeo's `dir:` transport does. */
export class DirectorySink implements ImageSink {
  readonly #directory: LayoutDirectory;

  constructor(directory: LayoutDirectory) {
    this.#directory = directory;
  }

  get name(): string {
    return this.#directory.name;
  }

  async hasBlob({ digest, size }: Descriptor): Promise<boolean> {
    return (await this.#directory.size(blobFile(digest))) === size;
  }

  async writeBlob(
    descriptor: Descriptor,
    content: AsyncIterable<Uint8Array>,
    { signal }: TransportOptions = {},
  ): Promise<void> {
    const checked = verified(
      abortable(content, signal),
      descriptor,
      `${this.name}: blob ${descriptor.digest}`,
    );
    await this.#directory.write(blobFile(descriptor.digest), checked);
  }

  async writeManifest({ descriptor, bytes }: Document, { signal }: TransportOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    await verifyBytes(bytes, descriptor, `${this.name}: manifest ${descriptor.digest}`);
    await this.#directory.write(manifestFile(descriptor.digest), streamOf(bytes));
  }

  async commit({ descriptor, bytes }: Document, { signal }: TransportOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    await verifyBytes(bytes, descriptor, `${this.name}: manifest ${descriptor.digest}`);
    await this.#directory.write(VERSION_FILE, streamOf(new TextEncoder().encode(VERSION_TEXT)));
    await this.#directory.write(ROOT_FILE, streamOf(bytes));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#directory[Symbol.asyncDispose]();
  }
}
