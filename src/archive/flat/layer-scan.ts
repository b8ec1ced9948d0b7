import type { Digest } from "../../spec/index.ts";
import { CortenError, diffIDAlgorithm } from "../../spec/index.ts";
import type { DecompressLimits } from "../compression.ts";
import { decompress } from "../compression.ts";
import type { TarEntry } from "../tar-entry.ts";
import type { TarLimits } from "../tar-limits.ts";
import { TarTokenizer } from "../tar-tokenizer.ts";

/** Hears what a layer holds, in order. */
export interface LayerVisitor {
  /** An entry begins; `index` counts from 0. */
  entry?(entry: TarEntry, index: number): void | Promise<void>;
  /** Content of the entry, which belongs at `position` of the file: a view that is gone after the call. */
  data?(bytes: Uint8Array, position: number): void | Promise<void>;
  /** The entry is complete. */
  end?(entry: TarEntry, index: number): void | Promise<void>;
}

/** Options of {@link scanLayer}. */
export interface ScanLayerOptions {
  readonly expectedDiffID?: Digest;
  readonly limits?: TarLimits & DecompressLimits;
  readonly signal?: AbortSignal;
}

/**
 * Reads a layer, packed in any way, once from its beginning to its end.
 *
 * @returns its DiffID
 * @throws data-loss when it is not the expected one; what the reader throws on a malformed archive
 */
export async function scanLayer(
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  visitor: LayerVisitor,
  { expectedDiffID, limits = {}, signal }: ScanLayerOptions = {},
): Promise<Digest> {
  const algorithm = expectedDiffID === undefined ? "sha256" : diffIDAlgorithm(expectedDiffID);
  const { createHash } = await import("node:crypto");
  const hash = createHash(algorithm);
  const tokens = new TarTokenizer(limits);
  let index = -1;
  for await (const chunk of decompress(content, { limits, ...(signal === undefined ? {} : { signal }) })) {
    hash.update(chunk);
    tokens.push(chunk);
    for (let token = tokens.next(); token !== "more"; token = tokens.next()) {
      // Awaited only where there is something to wait for: a layer has a million tokens.
      let wait: void | Promise<void>;
      if (token === "entry") index++;
      if (token === "entry") wait = visitor.entry?.(tokens.entry, index);
      else if (token === "data") wait = visitor.data?.(tokens.data, tokens.position);
      else wait = visitor.end?.(tokens.entry, index);
      if (wait !== undefined) await wait;
    }
  }
  tokens.finish();
  const diffID: Digest = `${algorithm}:${hash.digest("hex")}`;
  if (expectedDiffID !== undefined && diffID !== expectedDiffID) {
    throw new CortenError("data-loss", `layer unpacks to ${diffID}, not ${expectedDiffID}`);
  }
  return diffID;
}
