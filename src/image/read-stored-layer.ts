import type { Descriptor } from "../spec/index.ts";
import { isCortenError } from "../spec/index.ts";
import type { Consume, LayerContext, WantedBlob } from "./layer-context.ts";
import { consumerFor } from "./layer-context.ts";

/** Gives a layer that is here to its reader, packed or as what is here instead. */
export async function readStored(
  context: LayerContext,
  wanted: WantedBlob,
  consume: Consume | undefined,
): Promise<void> {
  const { descriptor } = wanted;
  const { digest, size } = descriptor;
  context.report({ type: "layer", digest, offset: size, size, state: "exists" });
  if (context.store.replacements.of(descriptor) !== undefined) return readPlain(context, wanted);
  if (consume === undefined) return;
  try {
    await giveTo(consume, context, descriptor);
  } catch (error) {
    // Another pull may have given the packed form up just now.
    if (context.store.replacements.of(descriptor) === undefined) throw error;
    await readPlain(context, wanted);
  }
}

async function readPlain(context: LayerContext, { descriptor, diffID }: WantedBlob): Promise<void> {
  const { store, origin } = context;
  const { plain } = store.replacements.of(descriptor)!;
  if (origin !== undefined) store.replacements.addOrigin(descriptor.digest, origin);
  const consume = await consumerFor(context, {
    descriptor: plain,
    ...(diffID === undefined ? {} : { diffID }),
  });
  if (consume !== undefined) await giveTo(consume, context, plain);
}

async function giveTo(consume: Consume, context: LayerContext, descriptor: Descriptor): Promise<void> {
  const content = readOrDiscard(context, descriptor);
  try {
    await consume(content);
  } finally {
    await content.return();
  }
}

/** A stored blob, which is removed when it turns out damaged, so that the pull which the error asks for fetches it. */
async function* readOrDiscard(
  { store, signal }: LayerContext,
  descriptor: Descriptor,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* store.open(descriptor, { verify: true, signal });
  } catch (error) {
    if (isCortenError(error, "data-loss")) store.discard(descriptor.digest);
    throw error;
  }
}
