import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Annotation, CortenError, MAX_DOCUMENT_SIZE, parseIndex } from "../spec/index.ts";
import type { Database } from "./database.ts";

/** Where the blobs and the index of a data root are. */
export function contentDirectory(root: string): string {
  return join(root, "content");
}

/**
 * Fills a new `names` table from an `index.json` that is already there: the database was lost or
 * moved away, the content was not. Runs once, as a step of the schema.
 */
export function adoptNames(database: Database): void {
  const path = join(contentDirectory(database.root), "index.json");
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw new CortenError("data-loss", `cannot read ${path} to recover the names of images`, {
      cause: error,
    });
  }
  for (const { mediaType, digest, size, annotations } of readIndex(bytes, path)) {
    const name = annotations?.[Annotation.containerdImageName] ?? annotations?.[Annotation.refName];
    if (name === undefined) continue;
    database.run(
      "INSERT OR REPLACE INTO names VALUES (?, ?, ?, ?, ?)",
      name,
      mediaType,
      digest,
      size,
      Date.now(),
    );
  }
}

function readIndex(bytes: Uint8Array, path: string) {
  try {
    return parseIndex(bytes, undefined, { what: path, maxSize: 16 * MAX_DOCUMENT_SIZE }).manifests;
  } catch (cause) {
    throw new CortenError(
      "data-loss",
      `the names of images cannot be recovered: ${(cause as Error).message}`,
      {
        cause,
        hint: `move ${path} away to start without names; the content itself is kept until it is collected`,
      },
    );
  }
}
