import type { Descriptor } from "../../spec/index.ts";
import { CortenError, isCortenError } from "../../spec/index.ts";
import type { ImageSource, TransportOptions } from "../place.ts";
import type { RawDocument, RawPlace } from "./place.ts";

/** A source that can give its root without judging it. */
interface WithRawRoot extends ImageSource {
  rawRoot?(options?: TransportOptions): Promise<RawDocument>;
}

/** A place that has no files of its own to look at: a registry, or an archive of an old `docker save`. */
export class RawSource implements RawPlace {
  readonly isLayout = false;
  readonly #source: WithRawRoot;

  constructor(source: WithRawRoot) {
    this.#source = source;
  }

  get name(): string {
    return this.#source.name;
  }

  async file(path: string): Promise<undefined> {
    throw new CortenError("internal", `${this.name} is no layout and has no file ${path}`);
  }

  async root(options?: TransportOptions): Promise<RawDocument> {
    if (this.#source.rawRoot !== undefined) return this.#source.rawRoot(options);
    const { descriptor, bytes } = await this.#source.root(options);
    return { mediaType: descriptor.mediaType, bytes };
  }

  document(descriptor: Descriptor, options?: TransportOptions): Promise<Uint8Array | undefined> {
    return unlessMissing(this.#source.manifest(descriptor, options));
  }

  blob(descriptor: Descriptor, options?: TransportOptions): Promise<AsyncIterable<Uint8Array> | undefined> {
    return unlessMissing(this.#source.blob(descriptor, options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source[Symbol.asyncDispose]();
  }
}

async function unlessMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (isCortenError(error, "not-found")) return undefined;
    throw error;
  }
}
