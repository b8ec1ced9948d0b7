import type { Duplex } from "node:stream";
import { CortenError, isCortenError } from "../spec/index.ts";
import { GzipTail } from "./gzip-tail.ts";
import { ZstdFrames } from "./zstd-frames.ts";

/** How a layer is packed. */
export type Compression = "gzip" | "zstd" | "none";

/** Upper bounds on unpacking, against bombs. Exceeding one is `resource-exhausted`. */
export interface DecompressLimits {
  /** Bytes of output. Default 1 TiB. */
  readonly totalBytes?: number;
  /**
   * Bytes of output for one byte of input, once the output is larger than 1 GiB: gzip reaches
   * 1032 on a file of zeros, zstd much more. Default 2000.
   */
  readonly ratio?: number;
}

export interface DecompressOptions {
  readonly limits?: DecompressLimits;
  readonly signal?: AbortSignal;
}

/** 1 MiB doubles the throughput of the default of 16 KiB. */
const CHUNK = 2 ** 20;
/** How far inflating runs ahead of the consumer, so that hashing and writing overlap with it. */
const AHEAD = 4 * CHUNK;
const RATIO_FLOOR = 2 ** 30;

/**
 * How a stream that begins with `head` is packed, by its magic number: media types lie. Four bytes
 * decide; a zstd stream may begin with a skippable frame.
 */
export function detectCompression(head: Uint8Array): Compression {
  if (head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  if (head.length >= 4 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd && head[0] === 0x28) {
    return "zstd";
  }
  if (head.length >= 4 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18 && head[0]! >> 4 === 5) {
    return "zstd";
  }
  return "none";
}

/**
 * Unpacks `source`, whichever way it is packed: gzip with any number of members, zstd with any
 * number of frames, or not at all. Inflating happens on the runtime's thread pool, ahead of the
 * consumer. Zeros behind the last gzip member are padding, as for gzip itself; anything else there
 * is an error.
 *
 * @throws data-loss on a damaged or cut-off stream, resource-exhausted beyond a limit,
 * unimplemented for zstd on a Node without it
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: DecompressOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { limits = {}, signal } = options;
  const { totalBytes = 2 ** 40, ratio = 2000 } = limits;
  const input = new CountedSource(source, signal);
  const head = await input.peek(10);
  const compression = detectCompression(head);
  if (compression === "none") refuseUnknownPacking(head);
  let output = 0;
  for await (const chunk of unpack(compression, input, signal)) {
    output += chunk.length;
    if (output > totalBytes) {
      throw new CortenError(
        "resource-exhausted",
        `${compression} stream unpacks to more than ${totalBytes} bytes`,
      );
    }
    if (output > RATIO_FLOOR && output > input.bytes * ratio) {
      throw new CortenError(
        "resource-exhausted",
        `${compression} stream unpacks to ${output} bytes from ${input.bytes}, more than ${ratio} times`,
        { hint: "this is the mark of a decompression bomb" },
      );
    }
    yield chunk;
  }
}

/** Packs `source`. The output depends on the input and the level alone. */
export async function* compress(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  compression: Compression,
  options: { readonly level?: number; readonly signal?: AbortSignal } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  if (compression === "none") {
    yield* source;
    return;
  }
  const zlib = await import("node:zlib");
  const buffers = { chunkSize: CHUNK, readableHighWaterMark: AHEAD };
  if (compression === "gzip") {
    const level = options.level === undefined ? {} : { level: options.level };
    yield* through(source, zlib.createGzip({ ...buffers, ...level }), options.signal);
    return;
  }
  if (zlib.createZstdCompress === undefined) throw noZstd();
  const params =
    options.level === undefined
      ? {}
      : { params: { [zlib.constants.ZSTD_c_compressionLevel]: options.level } };
  const encoder = zlib.createZstdCompress({ ...buffers, ...params });
  yield* through(endingApart(source, encoder), encoder, options.signal);
}

/**
 * Ends when all of `source` has been encoded. A last chunk that the encoder finds together with the end is packed in
 * another way than one without it, and which of the two happens is a matter of time.
 */
async function* endingApart(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  encoder: Duplex,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* source;
  await new Promise<void>((resolve, reject) => {
    encoder.write(Buffer.alloc(0), (error) => (error ? reject(error) : resolve()));
  });
}

/** Other packings that archives come in: better named than called a damaged tar. */
function refuseUnknownPacking(head: Uint8Array): void {
  const text = Buffer.from(head.buffer, head.byteOffset, head.length).toString("latin1");
  const name = text.startsWith("\xfd7zXZ\0") ? "xz" : /^BZh[1-9]1AY&SY/.test(text) ? "bzip2" : undefined;
  if (name === undefined) return;
  throw new CortenError("unimplemented", `the archive is packed with ${name}`, {
    hint: `unpack it with ${name} first; images use gzip or zstd`,
  });
}

async function* unpack(
  compression: Compression,
  input: CountedSource,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (compression === "none") {
    yield* input;
    return;
  }
  const zlib = await import("node:zlib");
  const buffers = { chunkSize: CHUNK, readableHighWaterMark: AHEAD };
  try {
    if (compression === "gzip") {
      const gunzip = zlib.createGunzip(buffers);
      const tail = new GzipTail(gunzip);
      yield* through(tail.watch(input), gunzip, signal);
      tail.check();
      return;
    }
    if (zlib.createZstdDecompress === undefined) throw noZstd();
    yield* through(framed(input), zlib.createZstdDecompress(buffers), signal);
  } catch (cause) {
    if (!isDecoderError(cause)) throw cause;
    throw new CortenError("data-loss", `${compression} stream is damaged near byte ${input.bytes}`, {
      cause,
    });
  }
}

async function* framed(input: CountedSource): AsyncGenerator<Uint8Array, void, undefined> {
  const frames = new ZstdFrames();
  for await (const chunk of input) {
    yield* frames.split(chunk);
  }
  frames.finish();
}

/** Runs `source` through `transform`; the errors of both, and the signal's, come out at the end. */
async function* through(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  transform: Duplex,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { pipeline } = await import("node:stream/promises");
  const fed = pipeline(source, transform, { end: true, ...(signal === undefined ? {} : { signal }) });
  // The iteration below throws the same error; this one must not end the process as unhandled.
  fed.catch(() => undefined);
  try {
    // Not destroyed at its end: gzip's decoder ends before padding has been written to it.
    yield* transform.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    await fed;
  } finally {
    transform.destroy();
  }
}

/** True for what zlib's decoders throw: an error with a code such as `Z_DATA_ERROR` or `ZSTD_error_…`. */
function isDecoderError(error: unknown): boolean {
  if (isCortenError(error) || !(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === "string" && /^(?:Z_|ZSTD_|ERR_ZSTD|ERR_ZLIB)/.test(code);
}

function noZstd(): CortenError {
  return new CortenError("unimplemented", "this Node has no zstd", {
    hint: `zstd layers need Node 22.15 or later, or Bun; this is ${process.version}`,
  });
}

/** A source that counts what was read from it and can show its first bytes beforehand. */
class CountedSource {
  bytes = 0;
  readonly #chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  readonly #signal: AbortSignal | undefined;
  #peeked: Uint8Array | undefined;

  constructor(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, signal: AbortSignal | undefined) {
    this.#chunks =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    this.#signal = signal;
  }

  /** The first chunks, joined until they hold `length` bytes or the source is over. */
  async peek(length: number): Promise<Uint8Array> {
    let head: Uint8Array = new Uint8Array(0);
    while (head.length < length) {
      const next = await this.#chunks.next();
      if (next.done === true) break;
      head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
    }
    this.#peeked = head;
    return head;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      if (this.#peeked !== undefined && this.#peeked.length > 0) {
        this.bytes += this.#peeked.length;
        yield this.#peeked;
      }
      for (;;) {
        this.#signal?.throwIfAborted();
        const next = await this.#chunks.next();
        if (next.done === true) return;
        this.bytes += next.value.length;
        yield next.value;
      }
    } finally {
      await this.#chunks.return?.();
    }
  }
}
