import type { Lease, Store } from "../content/index.ts";
import type { Descriptor, Digest } from "../spec/index.ts";
import { CortenError } from "../spec/index.ts";
import type { ImageSource } from "../transport/index.ts";
import type { ImageLayer, LayerConsumer } from "./layer-consumer.ts";
import type { TransferEvent } from "./transfer-event.ts";

/** What all layers of one pull share. */
export interface LayerContext {
  readonly store: Store;
  readonly source: ImageSource;
  readonly lease: Lease;
  readonly signal: AbortSignal;
  readonly consumer?: LayerConsumer;
  /** What is kept of packed layers. */
  readonly copies?: "both" | "single";
  /** Where layers can be had again. */
  readonly origin?: string;
  readonly report: (event: TransferEvent) => void;
}

/** A layer, or a blob that is none (of an artifact) and has no DiffID. */
export interface WantedBlob {
  readonly descriptor: Descriptor;
  readonly diffID?: Digest;
}

/** Reads the content of a layer as it comes in. */
export type Consume = (content: AsyncIterable<Uint8Array>) => Promise<void>;

/** What the consumer does with a layer; undefined where it does not want it. */
export async function consumerFor(
  { consumer }: LayerContext,
  wanted: WantedBlob,
): Promise<Consume | undefined> {
  const { descriptor, diffID } = wanted;
  if (consumer === undefined || diffID === undefined) return undefined;
  if (consumer.wants !== undefined && !(await consumer.wants(diffID))) return undefined;
  const layer: ImageLayer = { descriptor, diffID, mediaType: descriptor.mediaType };
  return async (content) => {
    try {
      await consumer(layer, content);
    } catch (error) {
      if (error instanceof CortenError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new CortenError("internal", `cannot unpack layer ${descriptor.digest}: ${why}`, { cause: error });
    }
  };
}
