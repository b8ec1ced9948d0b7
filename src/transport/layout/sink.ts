import type { Descriptor } from "../../spec/index.ts";
import { MAX_DOCUMENT_SIZE } from "../../spec/index.ts";
import type { Document, ImageSink, TransportOptions } from "../place.ts";
import { abortable, streamOf, verified, verifyBytes } from "../stream.ts";
import { blobPath, readSmall } from "./contents.ts";
import type { LayoutDirectory } from "./directory.ts";
import { indexWithNames, LAYOUT_HEADER } from "./new-index.ts";

/**
 * An OCI layout directory to write an image to; it may hold other images already. Two programs that
 * name images in one layout at the same time may lose one of the names, never content.
 */
export class LayoutSink implements ImageSink {
  readonly #directory: LayoutDirectory;
  readonly #names: readonly string[];

  /** @param names what the image is called in the layout */
  constructor(directory: LayoutDirectory, names: readonly string[]) {
    this.#directory = directory;
    this.#names = names;
  }

  get name(): string {
    return this.#directory.name;
  }

  async hasBlob(descriptor: Descriptor): Promise<boolean> {
    return (await this.#directory.size(blobPath(descriptor))) === descriptor.size;
  }

  async writeBlob(
    descriptor: Descriptor,
    content: AsyncIterable<Uint8Array>,
    { signal }: TransportOptions = {},
  ): Promise<void> {
    const what = `${this.name}: blob ${descriptor.digest}`;
    await this.#directory.write(blobPath(descriptor), verified(abortable(content, signal), descriptor, what));
  }

  async writeManifest({ descriptor, bytes }: Document, { signal }: TransportOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    await verifyBytes(bytes, descriptor, `${this.name}: manifest ${descriptor.digest}`);
    await this.#directory.write(blobPath(descriptor), streamOf(bytes));
  }

  async commit(root: Document, { signal }: TransportOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    if (!(await this.hasBlob(root.descriptor))) await this.writeManifest(root);
    await this.#directory.write("oci-layout", streamOf(LAYOUT_HEADER));
    const old = await readSmall(this.#directory, "index.json", MAX_DOCUMENT_SIZE);
    await this.#directory.write("index.json", streamOf(indexWithNames(old, root.descriptor, this.#names)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#directory[Symbol.asyncDispose]();
  }
}
