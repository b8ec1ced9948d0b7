import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../../content/index.ts";
import { SqliteMetadata } from "../../metadata/sqlite/sqlite-metadata.ts";
import { registrySchema } from "../../metadata/sqlite/tables.ts";
import type { RegistryStorage } from "../registry-storage.ts";
import { FileBlobs } from "./file-blobs.ts";
import { LayoutExporter } from "./layout-exporter.ts";

/** Options of {@link openFilesystemStorage}. */
export interface FilesystemOptions {
  /** Told when a layout could not be written: nothing else fails by that. */
  readonly onFailure?: (error: unknown) => void;
}

/** Storage in a directory. */
export interface FilesystemStorage extends RegistryStorage {
  /** Resolves when the layouts of all repositories show what is true now. */
  settleLayouts(): Promise<void>;
}

/**
 * Opens storage in `root`, which is created where it is missing, and makes good what a killed process left:
 *
 *     root/corten.db                              the rows
 *     root/content/ab/abcd…                       bytes of blobs and uploads, by key
 *     root/repositories/library/alpine/_layout/   an OCI image layout of each repository
 *
 * Several processes of one host may have it open at once.
 */
export function openFilesystemStorage(root: string, options: FilesystemOptions = {}): FilesystemStorage {
  const database = openDatabase(root, [registrySchema]);
  const layouts = join(root, "repositories");
  mkdirSync(layouts, { recursive: true, mode: 0o700 });
  const blobs = new FileBlobs(join(root, "content"));
  const exporter = new LayoutExporter(
    layouts,
    database,
    (key) => blobs.path(key),
    options.onFailure ?? (() => undefined),
  );
  const metadata = new SqliteMetadata(database, () => exporter.changed());
  return {
    metadata,
    blobs,
    settleLayouts: () => exporter.settle(),
    async [Symbol.asyncDispose]() {
      await exporter[Symbol.asyncDispose]();
      await blobs[Symbol.asyncDispose]();
      await metadata[Symbol.asyncDispose]();
    },
  };
}
