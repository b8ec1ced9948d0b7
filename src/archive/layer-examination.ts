import type { DiffIDAlgorithm, Digest } from "../spec/index.ts";
import { CortenError, isCortenError } from "../spec/index.ts";
import { toText } from "./byte-string.ts";
import type { Compression, DecompressLimits } from "./compression.ts";
import { decompress, detectCompression } from "./compression.ts";
import { examineEntry } from "./entry-examination.ts";
import { LayerNames, MAX_NAME_BYTES } from "./layer-names.ts";
import type { LayerFinding, LayerRule } from "./layer-rules.ts";
import { LAYER_RULES } from "./layer-rules.ts";
import type { TarLimits } from "./tar-limits.ts";
import { TarTokenizer } from "./tar-tokenizer.ts";

/** Options of {@link examineLayer}. */
export interface ExamineLayerOptions {
  /** The algorithm of the DiffID. Default: sha256. */
  readonly algorithm?: DiffIDAlgorithm;
  /** The names of the layers below, lowest first. */
  readonly below?: readonly LayerNames[];
  readonly limits?: TarLimits & DecompressLimits;
  readonly signal?: AbortSignal;
}

/** What {@link examineLayer} found out. */
export interface ExaminedLayer {
  readonly compression: Compression;
  /** Digest of the unpacked archive; undefined when it could not be unpacked to its end. */
  readonly diffID: Digest | undefined;
  readonly entries: number;
  readonly findings: readonly LayerFinding[];
  /** Findings of a rule beyond the first hundred, which are not listed. */
  readonly unlisted: number;
  /** Its names, for the layers above it. */
  readonly names: LayerNames;
}

/** Findings of one rule in one layer that are kept. */
const MAX_OF_A_RULE = 100;

/**
 * Judges a layer by every rule of layer.md: its packing, its archive, each entry. A broken archive is
 * read as far as it can be, and unpacked to its end for the DiffID. Nothing is kept but names.
 */
export async function examineLayer(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ExamineLayerOptions = {},
): Promise<ExaminedLayer> {
  const { limits = {}, signal, algorithm = "sha256" } = options;
  const { createHash } = await import("node:crypto");
  const hash = createHash(algorithm);
  const examination = new LayerExamination(options.below ?? [], limits);
  const head = new HeadOf(source);
  let diffID: Digest | undefined;
  try {
    const settings = { limits, ...(signal === undefined ? {} : { signal }) };
    for await (const chunk of decompress(head, settings)) {
      hash.update(chunk);
      examination.push(chunk);
    }
    diffID = `${algorithm}:${hash.digest("hex")}`;
    examination.finish();
  } catch (error) {
    signal?.throwIfAborted();
    if (!isCortenError(error) || error.code === "unavailable" || error.code === "internal") throw error;
    examination.report(error.code === "resource-exhausted" ? "limit" : "packing", error.message);
  }
  const compression = detectCompression(head.bytes);
  if (compression === "gzip" && head.bytes.subarray(4, 8).some((byte) => byte !== 0)) {
    examination.report("packing-time", "has a time in its gzip header");
  }
  const { entries, findings, unlisted, names } = examination;
  return { compression, diffID, entries, findings, unlisted, names };
}

class LayerExamination {
  readonly findings: LayerFinding[] = [];
  readonly names = new LayerNames();
  entries = 0;
  unlisted = 0;
  readonly #below: readonly LayerNames[];
  readonly #tokens: TarTokenizer;
  readonly #counts = new Map<LayerRule, number>();
  #base = 0;
  /** True when the archive cannot be followed any further. */
  #lost = false;
  #trailing = false;

  constructor(below: readonly LayerNames[], limits: TarLimits) {
    this.#below = below;
    this.#tokens = new TarTokenizer(limits);
  }

  report(rule: LayerRule, message: string, offset?: number, path?: string): void {
    const count = (this.#counts.get(rule) ?? 0) + 1;
    this.#counts.set(rule, count);
    if (count > MAX_OF_A_RULE) {
      this.unlisted++;
      return;
    }
    const entry = path === undefined ? undefined : this.entries - 1;
    this.findings.push({ rule, ...LAYER_RULES[rule], entry, path, offset, message });
  }

  push(chunk: Uint8Array): void {
    const tokens = this.#tokens;
    const base = this.#base;
    this.#base += chunk.length;
    if (this.#lost) return;
    this.#following(() => {
      tokens.push(chunk);
      for (let token = tokens.next(); token !== "more"; token = tokens.next()) {
        if (token === "entry") this.#entry();
      }
    });
    if (tokens.endOffset !== undefined) this.#behindEnd(chunk, base, tokens.endOffset);
  }

  finish(): void {
    if (this.#lost) return;
    this.#following(() => this.#tokens.finish());
    if (this.#lost) return;
    if (this.#tokens.endOffset === undefined && this.entries > 0) {
      this.report("end-marker", "has no end marker", this.#base);
    }
    if (this.entries === 0) this.report("no-entries", "holds no entry");
  }

  #entry(): void {
    const { entry } = this.#tokens;
    this.entries++;
    const names = [this.names, ...this.#below];
    if (names.reduce((sum, { bytes }) => sum + bytes, 0) > MAX_NAME_BYTES) {
      throw new CortenError("resource-exhausted", "the image has more names than are compared");
    }
    const context = { names: this.names, below: this.#below };
    examineEntry(entry, context, (rule, message) =>
      this.report(rule, message, entry.offset, toText(entry.path).slice(0, 300)),
    );
  }

  /** Runs a step of the reader; its first error ends the following, for what comes after it means nothing. */
  #following(step: () => void): void {
    try {
      step();
    } catch (error) {
      if (!isCortenError(error)) throw error;
      this.#lost = true;
      const rule = error.code === "resource-exhausted" ? "limit" : "tar";
      this.report(rule, `${error.message}; what follows is not looked at`, this.#tokens.blockOffset);
    }
  }

  #behindEnd(chunk: Uint8Array, base: number, end: number): void {
    if (this.#trailing) return;
    const from = Math.max(0, end - base);
    const at = chunk.subarray(from).findIndex((byte) => byte !== 0);
    if (at < 0) return;
    this.#trailing = true;
    this.report("trailing-data", "has data behind its end marker, which no reader sees", base + from + at);
  }
}

/** A source that remembers its first bytes. */
class HeadOf implements AsyncIterable<Uint8Array> {
  bytes: Uint8Array = new Uint8Array(0);
  readonly #source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

  constructor(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    this.#source = source;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of this.#source) {
      if (this.bytes.length < 10) this.bytes = Buffer.concat([this.bytes, chunk.subarray(0, 10)]);
      yield chunk;
    }
  }
}
