import type { Hash } from "node:crypto";
import type { TarEntry } from "../tar-entry.ts";
import type { FramedOutput } from "./framed-output.ts";
import type { TocBuilder, TocEntry } from "./toc.ts";
import { CHUNK_SIZE } from "./toc.ts";

type CreateHash = (algorithm: "sha256") => Hash;

/** Puts the content of one file into frames of its own, and tells the table of contents where they are. */
export class ContentChunks {
  readonly #output: FramedOutput;
  readonly #toc: TocBuilder;
  readonly #createHash: CreateHash;
  readonly #line: TocEntry;
  readonly #size: number;
  readonly #digest: Hash;
  #chunk: { readonly line: TocEntry; readonly digest: Hash; left: number } | undefined;
  readonly #endsAreTold: boolean;
  #position = 0;

  /** @param endsAreTold whether the table tells where frames end, as that of zstd:chunked does */
  constructor(
    entry: TarEntry,
    line: TocEntry,
    output: FramedOutput,
    toc: TocBuilder,
    createHash: CreateHash,
    endsAreTold: boolean,
  ) {
    this.#endsAreTold = endsAreTold;
    this.#output = output;
    this.#toc = toc;
    this.#createHash = createHash;
    this.#line = line;
    this.#size = entry.size;
    this.#digest = createHash("sha256");
  }

  async *add(content: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
    for (let from = 0; from < content.length; ) {
      if (this.#chunk === undefined) yield* this.#begin();
      const chunk = this.#chunk!;
      const bytes = content.subarray(from, from + chunk.left);
      this.#digest.update(bytes);
      chunk.digest.update(bytes);
      yield* this.#output.add(bytes);
      chunk.left -= bytes.length;
      from += bytes.length;
      this.#position += bytes.length;
      if (chunk.left === 0) this.#end();
    }
  }

  /**
   * After the last byte.
   *
   * @param endOffset where its last frame ends, where the table tells that
   */
  finish(endOffset?: number): void {
    this.#line.digest = `sha256:${this.#digest.digest("hex")}`;
    if (endOffset !== undefined) this.#line.endOffset = endOffset;
  }

  async *#begin(): AsyncGenerator<Uint8Array, void, undefined> {
    yield* this.#output.cut();
    const length = Math.min(CHUNK_SIZE, this.#size - this.#position);
    const first = this.#position === 0;
    const line = first ? this.#line : this.#toc.chunk(this.#line.name, this.#position);
    line.offset = this.#output.offset;
    // eStargz leaves out the last chunk's length, which is what is left; zstd:chunked that of a lone chunk.
    if (this.#endsAreTold ? this.#size > CHUNK_SIZE : length === CHUNK_SIZE) line.chunkSize = length;
    this.#chunk = { line, digest: this.#createHash("sha256"), left: length };
  }

  #end(): void {
    const { line, digest } = this.#chunk!;
    line.chunkDigest = `sha256:${digest.digest("hex")}`;
    this.#chunk = undefined;
  }
}
