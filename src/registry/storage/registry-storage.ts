import type { Metadata } from "../metadata/metadata.ts";
import type { BlobStorage } from "./blob-storage.ts";

/** What a registry keeps, in two parts that can be chosen apart: rows, and the bytes of blobs. */
export interface RegistryStorage extends AsyncDisposable {
  readonly metadata: Metadata;
  readonly blobs: BlobStorage;
}
