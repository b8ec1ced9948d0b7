import type { Descriptor } from "../../spec/index.ts";
import { CortenError, MAX_DOCUMENT_SIZE } from "../../spec/index.ts";
import { documentType } from "../document-type.ts";
import { readSmall } from "../layout/contents.ts";
import type { LayoutFiles } from "../layout/files.ts";
import type { Document, ImageSource, TransportOptions } from "../place.ts";
import { abortable, digestOf, verifyBytes } from "../stream.ts";
import { blobFile, manifestFile, ROOT_FILE } from "./names.ts";

/** An image in the plain directory of skopeo's `dir:` transport: one image, files named by digest. */
export class DirectorySource implements ImageSource {
  readonly #files: LayoutFiles;

  constructor(files: LayoutFiles) {
    this.#files = files;
  }

  get name(): string {
    return this.#files.name;
  }

  async root({ signal }: TransportOptions = {}): Promise<Document> {
    signal?.throwIfAborted();
    const bytes = await readSmall(this.#files, ROOT_FILE, MAX_DOCUMENT_SIZE);
    if (bytes === undefined) throw new CortenError("invalid-argument", `${this.name} has no ${ROOT_FILE}`);
    const mediaType = documentType(bytes, undefined, `${this.name}: ${ROOT_FILE}`);
    return { descriptor: { mediaType, digest: await digestOf(bytes), size: bytes.length }, bytes };
  }

  async manifest(descriptor: Descriptor, { signal }: TransportOptions = {}): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const { digest } = descriptor;
    const listed = await readSmall(this.#files, manifestFile(digest), MAX_DOCUMENT_SIZE);
    const bytes = listed ?? (await readSmall(this.#files, ROOT_FILE, MAX_DOCUMENT_SIZE));
    if (bytes === undefined || (listed === undefined && (await digestOf(bytes)) !== digest)) {
      throw new CortenError("not-found", `${this.name} has no manifest ${digest}`);
    }
    await verifyBytes(bytes, descriptor, `${this.name}: manifest ${digest}`);
    return bytes;
  }

  async blob(
    { digest, size }: Descriptor,
    { offset = 0, signal }: TransportOptions & { readonly offset?: number } = {},
  ): Promise<AsyncIterable<Uint8Array>> {
    const found = await this.#files.size(blobFile(digest));
    if (found === undefined) throw new CortenError("not-found", `${this.name} has no blob ${digest}`);
    if (found !== size)
      throw new CortenError("data-loss", `${this.name}: blob ${digest} has ${found} bytes, not ${size}`);
    return abortable(this.#files.read(blobFile(digest), offset), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files[Symbol.asyncDispose]();
  }
}
