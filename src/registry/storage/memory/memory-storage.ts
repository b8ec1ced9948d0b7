import { openMemoryDatabase } from "../../../content/index.ts";
import { SqliteMetadata } from "../../metadata/sqlite/sqlite-metadata.ts";
import { registrySchema } from "../../metadata/sqlite/tables.ts";
import type { RegistryStorage } from "../registry-storage.ts";
import { MemoryBlobs } from "./memory-blobs.ts";

/** Storage in the memory of this process, for tests and for what need not last. */
export function memoryStorage(): RegistryStorage {
  const metadata = new SqliteMetadata(openMemoryDatabase([registrySchema]));
  const blobs = new MemoryBlobs();
  return {
    metadata,
    blobs,
    async [Symbol.asyncDispose]() {
      await metadata[Symbol.asyncDispose]();
      await blobs[Symbol.asyncDispose]();
    },
  };
}
