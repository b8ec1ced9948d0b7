import type { Descriptor } from "../../spec/index.ts";
import { documentType } from "../document-type.ts";
import type { Document, ImageSource, TransportOptions } from "../place.ts";
import { abortable } from "../stream.ts";
import { chooseEntry, entryAt, readBlobFile, readDocument, readLayoutIndex } from "./contents.ts";
import type { LayoutFiles } from "./files.ts";

/** One image of an OCI layout (image-spec, image-layout.md), a directory or an archive of one. */
export class LayoutSource implements ImageSource {
  readonly #files: LayoutFiles;
  readonly #image: Descriptor | string | number | undefined;

  /** @param image an entry of the layout's index, its name or position; undefined for the only one */
  constructor(files: LayoutFiles, image: Descriptor | string | number | undefined) {
    this.#files = files;
    this.#image = image;
  }

  get name(): string {
    return this.#files.name;
  }

  async root({ signal }: TransportOptions = {}): Promise<Document> {
    signal?.throwIfAborted();
    const entry = typeof this.#image === "object" ? this.#image : await this.#find(this.#image);
    const { mediaType, digest, size } = entry;
    const bytes = await readDocument(this.#files, entry);
    documentType(bytes, mediaType, `${this.name}: ${digest}`);
    // The entry's annotations name the image in this layout; they are no part of the image.
    return { descriptor: { mediaType, digest, size }, bytes };
  }

  async manifest(descriptor: Descriptor, { signal }: TransportOptions = {}): Promise<Uint8Array> {
    signal?.throwIfAborted();
    return readDocument(this.#files, descriptor);
  }

  async blob(
    descriptor: Descriptor,
    { offset = 0, signal }: TransportOptions & { readonly offset?: number } = {},
  ): Promise<AsyncIterable<Uint8Array>> {
    signal?.throwIfAborted();
    return abortable(await readBlobFile(this.#files, descriptor, offset), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files[Symbol.asyncDispose]();
  }

  async #find(image: string | number | undefined): Promise<Descriptor> {
    const index = await readLayoutIndex(this.#files);
    return typeof image === "number"
      ? entryAt(index, image, this.name)
      : chooseEntry(index, image, this.name);
  }
}
