import type { Compression } from "../../archive/index.ts";
import type { Platform } from "../../spec/index.ts";
import type { TransferEvent } from "../transfer-event.ts";
import type { ImageFormat } from "./media-types.ts";

/** What a copy may change of an image. Nothing is changed that is not asked for. */
export interface Conversion {
  /** The generation of documents. Default: that of the source; image-spec's where Docker's has no name for a layer. */
  readonly format?: ImageFormat;
  /** How layers are packed; those that are packed so already stay as they are. */
  readonly compression?: Compression;
  /** Default: that of zlib or zstd. */
  readonly level?: number;
}

/** Options of copyImage. */
export interface CopyOptions {
  /**
   * What of a multi-platform image to copy: the image for `platform`, everything, or the index without
   * the images. Default: `system`.
   */
  readonly multiArch?: "system" | "all" | "index-only";
  /** Default: this host's. A lone manifest is copied whatever it is for. */
  readonly platform?: Platform;
  readonly convert?: Conversion;
  /** Fail where a conversion would change a digest. */
  readonly preserveDigests?: boolean;
  /** Blobs at once. Default 4. */
  readonly parallel?: number;
  /** Further attempts at a blob whose transfer failed in a way that may pass. Default 3. */
  readonly retryTimes?: number;
  readonly onProgress?: (event: TransferEvent) => void;
  readonly signal?: AbortSignal;
}
