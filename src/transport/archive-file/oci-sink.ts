import type { Descriptor } from "../../spec/index.ts";
import { blobPath } from "../layout/contents.ts";
import { indexWithNames, LAYOUT_HEADER } from "../layout/new-index.ts";
import type { Document, ImageSink, TransportOptions } from "../place.ts";
import { abortable, verified, verifyBytes } from "../stream.ts";
import type { TarOutput } from "./tar-output.ts";

/** A tar archive of an OCI layout to write one image to. */
export class OciArchiveSink implements ImageSink {
  readonly name: string;
  readonly ordered = true;
  readonly #output: TarOutput;
  readonly #names: readonly string[];

  /** @param names what the image is called in the archive */
  constructor(name: string, output: TarOutput, names: readonly string[]) {
    this.name = name;
    this.#output = output;
    this.#names = names;
  }

  async hasBlob(descriptor: Descriptor): Promise<boolean> {
    return this.#output.sizeOf(blobPath(descriptor)) === descriptor.size;
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
    await this.#output.add(blobPath(descriptor), descriptor.size, checked);
  }

  async writeManifest({ descriptor, bytes }: Document, { signal }: TransportOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    await verifyBytes(bytes, descriptor, `${this.name}: manifest ${descriptor.digest}`);
    await this.#output.add(blobPath(descriptor), bytes.length, bytes);
  }

  async commit(root: Document, options: TransportOptions = {}): Promise<void> {
    await this.writeManifest(root, options);
    await this.#output.add("oci-layout", LAYOUT_HEADER.length, LAYOUT_HEADER);
    const index = indexWithNames(undefined, root.descriptor, this.#names);
    await this.#output.add("index.json", index.length, index);
    await this.#output.finish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#output[Symbol.asyncDispose]();
  }
}
