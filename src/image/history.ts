import type { Digest } from "../spec/index.ts";
import type { Image } from "./image.ts";

/** One step in which an image was made. */
export interface HistoryEntry {
  /** Undefined where the image does not say it. */
  readonly created: Date | undefined;
  /** The command, e.g. `RUN apt-get install`; empty where the image does not say it. */
  readonly createdBy: string;
  readonly comment: string;
  /** Bytes of its layer as stored (packed); 0 for a step that changed no file. */
  readonly size: number;
  readonly layer: Digest | undefined;
}

/**
 * How an image was made, the newest step first. Layers that the history does not tell of, as squashing and some
 * builders leave them, are entries of their own.
 */
export async function imageHistory(image: Image): Promise<readonly HistoryEntry[]> {
  const { history } = await image.config();
  const layers = [...(await image.manifest()).layers];
  const entries = (history ?? []).map((step): HistoryEntry => {
    const layer = step.empty_layer === true ? undefined : layers.shift();
    const created = step.created === undefined ? undefined : new Date(step.created);
    return {
      created: created === undefined || Number.isNaN(created.getTime()) ? undefined : created,
      createdBy: step.created_by ?? "",
      comment: step.comment ?? "",
      size: layer?.size ?? 0,
      layer: layer?.digest,
    };
  });
  const untold = layers.map(({ digest, size }) => ({
    created: undefined,
    createdBy: "",
    comment: "",
    size,
    layer: digest,
  }));
  return [...entries, ...untold].reverse();
}
