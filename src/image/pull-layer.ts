import { setTimeout as sleep } from "node:timers/promises";
import type { Ingest } from "../content/index.ts";
import type { Descriptor } from "../spec/index.ts";
import { CortenError, isCortenError } from "../spec/index.ts";
import type { Consume, LayerContext, WantedBlob } from "./layer-context.ts";
import { consumerFor } from "./layer-context.ts";
import { LayerPipe } from "./layer-pipe.ts";
import { keepPlain, toReplace } from "./plain-layer.ts";
import { readStored } from "./read-stored-layer.ts";
import { hasOtherHost } from "./right-content.ts";

/** Attempts that bring no byte before a transfer is given up; progress starts the count again. */
const MAX_BARREN_ATTEMPTS = 5;
const FIRST_PAUSE_MS = 200;

/** Brings one layer into the store and to the consumer. Returns false when its archive was stored in vain. */
export async function pullLayer(context: LayerContext, wanted: WantedBlob): Promise<boolean> {
  const replaceable = toReplace(context, wanted);
  if (replaceable === undefined) {
    await pullWith(context, wanted, await consumerFor(context, wanted));
    return true;
  }
  let plain: Descriptor | undefined;
  await pullWith(context, wanted, async (content) => {
    plain = await keepPlain(context, replaceable, content);
  });
  const { store, consumer, origin } = context;
  // Not unpacked here: it was given up before.
  if (plain === undefined) return true;
  if (consumer?.servesPlain?.(replaceable.diffID) === false) return false;
  store.replacements.replace(wanted.descriptor, plain, origin);
  return true;
}

async function pullWith(
  context: LayerContext,
  wanted: WantedBlob,
  consume: Consume | undefined,
): Promise<void> {
  const { source } = context;
  const { descriptor } = wanted;
  try {
    for (let goneOn = 0; ; ) {
      const wrong = await pullOnce(context, wanted, consume);
      if (wrong === undefined) return;
      // What a partial blob held may have been wrong (a power cut leaves such); it is gone, and once more is fair.
      const again = wrong.resumed && goneOn++ === 0;
      const { error } = wrong;
      if (!again && !hasOtherHost(source, descriptor, error)) throw error;
      context.report({ type: "retry", digest: descriptor.digest, offset: 0, error });
    }
  } catch (error) {
    if (!isCortenError(error, "data-loss")) throw error;
    throw new CortenError("data-loss", `${source.name}: ${error.message}`, {
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

/** Bytes that came in and were thrown away. */
interface WrongContent {
  readonly error: CortenError;
  /** True where their beginning was here already. */
  readonly resumed: boolean;
}

/** Returns what was wrong where the bytes seem to be. */
async function pullOnce(
  context: LayerContext,
  wanted: WantedBlob,
  consume: Consume | undefined,
): Promise<WrongContent | undefined> {
  const { store, lease, signal, copies } = context;
  const { descriptor } = wanted;
  const orReplacement = copies !== "both";
  await using ingest = await store.ingest(descriptor, { lease, signal, orReplacement });
  if (ingest === undefined) {
    await readStored(context, wanted, consume);
    return undefined;
  }
  const resumedAt = ingest.offset;
  const pipe = consume === undefined ? undefined : new LayerPipe();
  // A failure of either side has to stop the other: both are told, then both are waited for.
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  let failed = false;
  const consuming = pipe === undefined ? Promise.resolve() : consume!(pipe);
  const consumed = consuming.then(
    () => pipe?.abandon(),
    (error: unknown) => {
      pipe?.abandon();
      if (!failed) stop.abort(error);
      throw error;
    },
  );
  const fetched = fetchInto(context, ingest, pipe, both).then(
    () => pipe?.end(),
    (error: unknown) => {
      failed = true;
      pipe?.fail(error);
      throw error;
    },
  );
  const [fetching, unpacking] = await Promise.allSettled([fetched, consumed]);
  if (fetching.status === "rejected") {
    const { reason } = fetching;
    if (signal.aborted || !blamesContent(reason, stop.signal.aborted)) throw reason;
    await ingest.discard();
    return { error: reason, resumed: resumedAt > 0 };
  }
  if (unpacking.status === "rejected") throw unpacking.reason;
  context.report({
    type: "layer",
    digest: descriptor.digest,
    offset: descriptor.size,
    size: descriptor.size,
    state: "done",
  });
  return undefined;
}

/**
 * True when an error may come from wrong bytes. A consumer notices them before the digest does; were the
 * partial blob kept then, every later pull would fail on it again.
 */
function blamesContent(error: unknown, byConsumer: boolean): error is CortenError {
  return isCortenError(error, "data-loss") || (byConsumer && isCortenError(error, "invalid-argument"));
}

async function fetchInto(
  context: LayerContext,
  ingest: Ingest,
  pipe: LayerPipe | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { digest, size } = ingest.descriptor;
  const report = () =>
    context.report({ type: "layer", digest, offset: ingest.offset, size, state: "fetching" });
  report();
  if (pipe !== undefined) {
    for await (const chunk of ingest.prefix()) {
      signal.throwIfAborted();
      await pipe.write(chunk);
    }
  }
  for (let barren = 0; ingest.offset < size; ) {
    const before = ingest.offset;
    const failure = await transfer(context, ingest, pipe, signal, report);
    if (ingest.offset >= size) break;
    barren = ingest.offset > before ? 0 : barren + 1;
    if (barren >= MAX_BARREN_ATTEMPTS) throw failure;
    context.report({ type: "retry", digest, offset: ingest.offset, error: failure });
    const pause = FIRST_PAUSE_MS * 2 ** Math.max(0, barren - 1) * (0.5 + Math.random() / 2);
    await sleep(pause, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
  signal.throwIfAborted();
  await ingest.commit();
}

/** One request. Returns why the content ended early; throws what another request cannot mend. */
async function transfer(
  context: LayerContext,
  ingest: Ingest,
  pipe: LayerPipe | undefined,
  signal: AbortSignal,
  report: () => void,
): Promise<CortenError> {
  const { descriptor } = ingest;
  try {
    const content = await context.source.blob(descriptor, { offset: ingest.offset, signal });
    for await (const chunk of content) {
      signal.throwIfAborted();
      await ingest.write(chunk);
      if (pipe !== undefined) await pipe.write(chunk);
      report();
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CortenError && error.retryable) return error;
    throw error;
  }
  return new CortenError(
    "unavailable",
    `${context.source.name}: ${descriptor.digest} ended after ${ingest.offset} of ${descriptor.size} bytes`,
  );
}
