import { setTimeout as sleep } from "node:timers/promises";
import type { Compression } from "../../archive/index.ts";
import { compress, decompress } from "../../archive/index.ts";
import type { Descriptor, Digest } from "../../spec/index.ts";
import { CortenError } from "../../spec/index.ts";
import type { ImageSink, ImageSource } from "../../transport/index.ts";
import { verified } from "../../transport/index.ts";
import { hasOtherHost } from "../right-content.ts";
import type { CopyOptions } from "./options.ts";
import { TemporaryBlob } from "./temporary-blob.ts";

const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 15_000;

/** A blob at the destination. */
export interface CopiedBlob {
  readonly digest: Digest;
  readonly size: number;
}

/** What all blobs of one copy share. */
export interface BlobContext {
  readonly source: ImageSource;
  readonly sink: ImageSink;
  readonly options: CopyOptions;
  readonly signal: AbortSignal;
  /** Resolves when it is this blob's turn to be written; at once where the order does not matter. */
  readonly whenDue: () => Promise<void>;
}

/**
 * Brings one blob to the destination, unless it is there: a stream from the one to the other, verified
 * on its way by the sink.
 *
 * @param compression how to pack it anew; undefined to leave it as it is
 * @throws the errors of source and sink, after the attempts that the options allow
 */
export async function copyBlob(
  context: BlobContext,
  descriptor: Descriptor,
  compression?: Compression,
): Promise<CopiedBlob> {
  const { retryTimes = 3, onProgress } = context.options;
  for (let attempt = 0; ; attempt++) {
    try {
      return compression === undefined
        ? await passOn(context, descriptor)
        : await repack(context, descriptor, compression);
    } catch (error) {
      // What the sink had of it is gone: a sink keeps no blob that is not right.
      if (!context.signal.aborted && hasOtherHost(context.source, descriptor, error)) {
        attempt--;
        continue;
      }
      const passing = error instanceof CortenError && error.retryable && !context.signal.aborted;
      if (!passing || attempt >= retryTimes) throw error;
      onProgress?.({ type: "retry", digest: descriptor.digest, offset: 0, error });
      const pause = Math.min(FIRST_PAUSE_MS * 2 ** attempt, MAX_PAUSE_MS);
      await sleep(pause, undefined, { signal: context.signal });
    }
  }
}

async function passOn(context: BlobContext, descriptor: Descriptor): Promise<CopiedBlob> {
  const { sink, signal } = context;
  await context.whenDue();
  if (await sink.hasBlob(descriptor, { signal })) {
    report(context, descriptor, "exists", descriptor.size);
    return descriptor;
  }
  const reopen = (offset: number) => contentFrom(context, descriptor, offset);
  report(context, descriptor, "sending", 0);
  // Not begun where a mount makes it unnecessary: the source is then never asked for it.
  await sink.writeBlob(descriptor, reopen(0), { signal, reopen });
  report(context, descriptor, "done", descriptor.size);
  return descriptor;
}

/** A layer's new digest is known at its end only, so it waits in a nameless file until then. */
async function repack(
  context: BlobContext,
  descriptor: Descriptor,
  compression: Compression,
): Promise<CopiedBlob> {
  const { source, sink, options, signal } = context;
  const content = contentFrom(context, descriptor, 0);
  const checked = verified(content, descriptor, `${source.name}: blob ${descriptor.digest}`);
  const level = options.convert?.level;
  const packed = compress(decompress(checked, { signal }), compression, {
    signal,
    ...(level === undefined ? {} : { level }),
  });
  await using blob = await TemporaryBlob.of(packed);
  await context.whenDue();
  const result = { mediaType: "application/octet-stream", digest: blob.digest, size: blob.size };
  if (!(await sink.hasBlob(result, { signal }))) {
    const reopen = (offset: number) => blob.read(offset);
    await sink.writeBlob(result, reopen(0), { signal, reopen });
  }
  report(context, descriptor, "done", descriptor.size);
  return result;
}

/** The blob's bytes from the source, asked for when the first is wanted. */
async function* contentFrom(
  context: BlobContext,
  descriptor: Descriptor,
  offset: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let at = offset;
  report(context, descriptor, "sending", at);
  for await (const chunk of await context.source.blob(descriptor, { offset, signal: context.signal })) {
    yield chunk;
    at += chunk.length;
    report(context, descriptor, "sending", at);
  }
}

function report(
  { options }: BlobContext,
  { digest, size }: Descriptor,
  state: "exists" | "sending" | "done",
  offset: number,
): void {
  options.onProgress?.({ type: "layer", digest, offset, size, state });
}
