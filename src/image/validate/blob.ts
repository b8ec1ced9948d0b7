import type { ContentHash } from "../../content/index.ts";
import { openHash } from "../../content/index.ts";
import type { Descriptor } from "../../spec/index.ts";
import { isCortenError, isVerifiable, splitDigest } from "../../spec/index.ts";
import type { RawPlace } from "../../transport/index.ts";
import type { ReportBuilder } from "./report.ts";

/** What every step of an examination needs. */
export interface ExaminationContext {
  readonly place: RawPlace;
  readonly report: ReportBuilder;
  readonly signal: AbortSignal | undefined;
}

/** Where {@link examineBlob} gets its content from. */
export interface BlobOptions {
  /** The rule that a blob breaks which is not there. Default: `missing`. */
  readonly missing?: "missing" | "missing-entry";
  /** Default: the place's blob. */
  readonly open?: () => Promise<AsyncIterable<Uint8Array> | undefined>;
}

/**
 * Reads a blob through `read` to its end, and notes where its size or digest is not the descriptor's.
 * `read` may stop before the end.
 *
 * @returns what `read` returned; undefined when there is no blob, or it could not be read
 */
export async function examineBlob<Result>(
  { place, report, signal }: ExaminationContext,
  descriptor: Descriptor,
  options: BlobOptions,
  read: (content: AsyncIterable<Uint8Array>) => Promise<Result>,
): Promise<Result | undefined> {
  const { digest, size } = descriptor;
  const { missing = "missing", open = () => place.blob(descriptor, signal === undefined ? {} : { signal }) } =
    options;
  try {
    const content = await open();
    if (content === undefined) {
      report.content(missing, digest, "is not there");
      return undefined;
    }
    const verified = await VerifiedContent.of(descriptor, content);
    let result: Result;
    try {
      result = await read(verified.shared());
      await verified.drain();
    } finally {
      await verified.close();
    }
    if (verified.size !== size) {
      report.content("size-mismatch", digest, `has ${verified.size} bytes, but its descriptor says ${size}`);
    }
    if (verified.digest === undefined) {
      report.content("digest-unverified", digest, "has a digest that Corten cannot compute");
    } else if (verified.digest !== digest) {
      report.content("digest-mismatch", digest, `has the digest ${verified.digest}`);
    }
    return result;
  } catch (error) {
    if (!reportUnreadable(report, digest, error)) throw error;
    return undefined;
  }
}

/** Notes an error that is about the content; false for one that is about the way to it. */
export function reportUnreadable(report: ReportBuilder, document: string, error: unknown): boolean {
  const about = ["data-loss", "invalid-argument", "resource-exhausted", "unimplemented"] as const;
  if (!isCortenError(error) || !about.some((code) => code === error.code)) return false;
  report.content("unreadable", document, `cannot be read: ${error.message}`);
  return true;
}

/** Content that is hashed as it passes, and can be read on after a reader has had enough. */
class VerifiedContent {
  size = 0;
  readonly #content: AsyncIterator<Uint8Array>;
  readonly #hash: ContentHash | undefined;
  readonly #algorithm: string;
  #digest: string | undefined;

  private constructor(content: AsyncIterable<Uint8Array>, algorithm: string, hash: ContentHash | undefined) {
    this.#content = content[Symbol.asyncIterator]();
    this.#algorithm = algorithm;
    this.#hash = hash;
  }

  static async of({ digest }: Descriptor, content: AsyncIterable<Uint8Array>): Promise<VerifiedContent> {
    const [algorithm] = splitDigest(digest);
    const hash = isVerifiable(algorithm) ? await openHash(algorithm) : undefined;
    return new VerifiedContent(content, algorithm, hash);
  }

  /** Its digest; undefined where that cannot be computed. */
  get digest(): string | undefined {
    if (this.#hash !== undefined) this.#digest ??= `${this.#algorithm}:${this.#hash.digest("hex")}`;
    return this.#digest;
  }

  /** Without a return method, a reader that stops cannot close it. */
  shared(): AsyncIterable<Uint8Array> {
    return { [Symbol.asyncIterator]: () => ({ next: () => this.#next() }) };
  }

  async drain(): Promise<void> {
    while ((await this.#next()).done !== true);
  }

  async close(): Promise<void> {
    await this.#content.return?.();
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    const next = await this.#content.next();
    if (next.done !== true) {
      this.size += next.value.length;
      this.#hash?.update(next.value);
    }
    return next;
  }
}
