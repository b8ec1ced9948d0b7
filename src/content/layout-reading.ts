import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Descriptor, Digest } from "../spec/index.ts";
import {
  Annotation,
  CortenError,
  isCortenError,
  isIndexType,
  isManifestType,
  MAX_DOCUMENT_SIZE,
  parseDigest,
  parseDocument,
  parseIndex,
  splitDigest,
} from "../spec/index.ts";
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
  for (const { mediaType, digest, size, annotations } of indexOf(database)) {
    const name = annotations?.[Annotation.containerdImageName] ?? annotations?.[Annotation.refName];
    if (name === undefined || subjectOfTag(name) !== undefined) continue;
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

/** The same for the table `referrers`: by the tag that an entry has, or what its manifest says to be about. */
export function adoptReferrers(database: Database): void {
  for (const entry of indexOf(database)) {
    const { mediaType, digest, size, annotations = {} } = entry;
    if (annotations[Annotation.containerdImageName] !== undefined) continue;
    const tag = annotations[Annotation.refName];
    const subject = tag === undefined ? subjectOf(database, entry) : subjectOfTag(tag);
    if (subject === undefined) continue;
    database.run(
      "INSERT OR REPLACE INTO referrers VALUES (?, ?, ?, ?, ?)",
      subject,
      digest,
      mediaType,
      size,
      tag ?? null,
    );
  }
}

/** `sha256-….sig`, as cosign calls what it keeps about a manifest. */
function subjectOfTag(tag: string): Digest | undefined {
  const [, algorithm, encoded] = /^(sha256|sha512)-([0-9a-f]{64,128})\.[a-z]+$/.exec(tag) ?? [];
  return algorithm === undefined ? undefined : parseDigest(`${algorithm}:${encoded}`);
}

function subjectOf(database: Database, { digest, mediaType, size }: Descriptor): Digest | undefined {
  if (!(isManifestType(mediaType) || isIndexType(mediaType)) || size > MAX_DOCUMENT_SIZE) return undefined;
  const path = join(contentDirectory(database.root), "blobs", ...splitDigest(digest));
  try {
    const parsed = parseDocument(readFileSync(path), mediaType);
    return (parsed.kind === "index" ? parsed.index : parsed.manifest).subject?.digest;
  } catch (error) {
    // Not there, or no document: then nobody can say what it was about.
    if (isCortenError(error) || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The entries of the index that is there; none without one. */
function indexOf(database: Database): readonly Descriptor[] {
  const path = join(contentDirectory(database.root), "index.json");
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new CortenError("data-loss", `cannot read ${path} to recover the names of images`, {
      cause: error,
    });
  }
  return readIndex(bytes, path);
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
