import { decompress } from "../archive/index.ts";
import type { Descriptor, Digest } from "../spec/index.ts";
import { CortenError, diffIDAlgorithm, MediaType } from "../spec/index.ts";
import { isLayerType } from "./copy/media-types.ts";
import type { LayerContext, WantedBlob } from "./layer-context.ts";
import { LayerPipe } from "./layer-pipe.ts";

/** A packed layer whose archive can be kept instead of it. */
export interface ReplaceableLayer {
  readonly descriptor: Descriptor;
  readonly diffID: Digest;
}

/** The layer, when it is packed and to be kept unpacked only. */
export function toReplace(
  { copies }: LayerContext,
  { descriptor, diffID }: WantedBlob,
): ReplaceableLayer | undefined {
  if (copies !== "single" || diffID === undefined || diffID === descriptor.digest) return undefined;
  return isLayerType(descriptor.mediaType) ? { descriptor, diffID } : undefined;
}

/**
 * Unpacks a layer into the store, and gives the consumer what it unpacks to on the way.
 *
 * @returns the archive's descriptor
 * @throws data-loss when it is not the layer's DiffID
 */
export async function keepPlain(
  { store, lease, signal, consumer }: LayerContext,
  { descriptor, diffID }: ReplaceableLayer,
  content: AsyncIterable<Uint8Array>,
): Promise<Descriptor> {
  const pipe = new LayerPipe();
  const archive = decompress(content, { signal });
  const algorithm = diffIDAlgorithm(diffID);
  // How long it is the end tells; whoever reads it while it comes in does not ask.
  const layer = { descriptor: { ...descriptor, digest: diffID }, diffID, mediaType: MediaType.layer };
  const consumed = (consumer?.(layer, pipe) ?? Promise.resolve()).finally(() => pipe.abandon());
  const stored = storePlain().then(
    (plain) => {
      // Not before the archive has its name, which the consumer may link to.
      pipe.end();
      return plain;
    },
    (error: unknown) => {
      pipe.fail(error);
      throw error;
    },
  );
  const [storing, consuming] = await Promise.allSettled([stored, consumed]);
  if (storing.status === "rejected") throw storing.reason;
  if (consuming.status === "rejected") throw consuming.reason;
  return storing.value;

  async function storePlain(): Promise<Descriptor> {
    const plain = await store.putStream(MediaType.layer, shared(archive, pipe), { lease, signal, algorithm });
    if (plain.digest === diffID) return plain;
    throw new CortenError("data-loss", `layer unpacks to ${plain.digest}, not ${diffID}`, {
      hint: "the image's configuration and its layer do not belong together",
    });
  }
}

async function* shared(
  content: AsyncIterable<Uint8Array>,
  pipe: LayerPipe,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of content) {
    await pipe.write(chunk);
    yield chunk;
  }
}
