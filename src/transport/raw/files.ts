import type { Descriptor } from "../../spec/index.ts";
import { CortenError, MAX_DOCUMENT_SIZE } from "../../spec/index.ts";
import { blobFile, manifestFile, ROOT_FILE } from "../directory/names.ts";
import { blobPath, readSmall } from "../layout/contents.ts";
import type { LayoutFiles } from "../layout/files.ts";
import type { TransportOptions } from "../place.ts";
import { abortable } from "../stream.ts";
import type { RawDocument, RawPlace } from "./place.ts";

/** The files of a layout, or of a directory as skopeo's `dir:` has it, as they are. */
export class RawFiles implements RawPlace {
  readonly isLayout: boolean;
  readonly #files: LayoutFiles;

  constructor(files: LayoutFiles, isLayout: boolean) {
    this.#files = files;
    this.isLayout = isLayout;
  }

  get name(): string {
    return this.#files.name;
  }

  file(path: string, limit: number): Promise<Uint8Array | undefined> {
    return readSmall(this.#files, path, limit);
  }

  async root(): Promise<RawDocument> {
    const bytes = await readSmall(this.#files, ROOT_FILE, MAX_DOCUMENT_SIZE);
    if (bytes === undefined) throw new CortenError("not-found", `${this.name} has no ${ROOT_FILE}`);
    return { mediaType: undefined, bytes };
  }

  document({ digest }: Descriptor): Promise<Uint8Array | undefined> {
    const path = this.isLayout ? blobPath({ digest }) : manifestFile(digest);
    return readSmall(this.#files, path, MAX_DOCUMENT_SIZE);
  }

  async blob(
    { digest }: Descriptor,
    { signal }: TransportOptions = {},
  ): Promise<AsyncIterable<Uint8Array> | undefined> {
    const path = this.isLayout ? blobPath({ digest }) : blobFile(digest);
    if ((await this.#files.size(path)) === undefined) return undefined;
    return abortable(this.#files.read(path), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files[Symbol.asyncDispose]();
  }
}
