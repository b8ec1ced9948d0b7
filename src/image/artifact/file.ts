import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { posix } from "node:path";
import type { Descriptor } from "../../spec/index.ts";
import { Annotation, CortenError, MediaType } from "../../spec/index.ts";
import { verified } from "../../transport/index.ts";
import { TemporaryBlob } from "../copy/temporary-blob.ts";
import { packDirectory } from "./pack.ts";
import { checkTitle, UNPACK_ANNOTATION, UNPACKED_DIGEST_ANNOTATION } from "./title.ts";

const CHUNK = 1024 * 1024;

/** A file or directory to be put into an artifact. */
export interface ArtifactFile {
  /** Where it is; relative, as the path becomes its title. */
  readonly path: string;
  /** Default: a layer's, packed for a directory. */
  readonly mediaType?: string;
}

/** A blob of an artifact that is being made. Let go of it with `await using`. */
export interface ArtifactBlob extends AsyncDisposable {
  readonly descriptor: Descriptor;
  readonly read: (offset: number) => AsyncIterable<Uint8Array>;
}

/**
 * Reads a file once to learn its digest; a directory is packed, the same bytes each time.
 *
 * @throws not-found; invalid-argument when the path is absolute, leads upward, or is neither file nor directory
 */
export async function openArtifactFile({ path, mediaType }: ArtifactFile): Promise<ArtifactBlob> {
  const title = checkTitle(posix.normalize(path), `the file ${path}`);
  const found = await stat(path).catch((cause) => {
    throw new CortenError("not-found", `cannot read ${path}: ${(cause as NodeJS.ErrnoException).code}`, {
      cause,
    });
  });
  if (found.isDirectory()) return packedDirectory(path, title, mediaType);
  if (!found.isFile()) throw new CortenError("invalid-argument", `${path} is neither a file nor a directory`);
  return describedFile(path, mediaType ?? MediaType.layer, { [Annotation.title]: title });
}

/** A file's content with its digest; no title unless it is given. */
export async function describedFile(
  path: string,
  mediaType: string,
  annotations?: Readonly<Record<string, string>>,
): Promise<ArtifactBlob> {
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of contentOf(path, 0)) {
    hash.update(chunk);
    size += chunk.length;
  }
  const digest = `sha256:${hash.digest("hex")}` as const;
  return {
    descriptor: { mediaType, digest, size, ...(annotations === undefined ? {} : { annotations }) },
    // A file that changes between the two readings is not sent as if it were the first.
    read: (offset) =>
      offset === 0 ? verified(contentOf(path, 0), { digest, size }, path) : contentOf(path, offset),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function packedDirectory(
  path: string,
  title: string,
  mediaType: string | undefined,
): Promise<ArtifactBlob> {
  const { content, unpackedDigest } = packDirectory(path, title);
  const blob = await TemporaryBlob.of(content);
  const annotations = {
    [UNPACKED_DIGEST_ANNOTATION]: unpackedDigest(),
    [UNPACK_ANNOTATION]: "true",
    [Annotation.title]: title,
  };
  return {
    descriptor: {
      mediaType: mediaType ?? MediaType.layerGzip,
      digest: blob.digest,
      size: blob.size,
      annotations,
    },
    read: (offset) => blob.read(offset),
    [Symbol.asyncDispose]: () => blob[Symbol.asyncDispose](),
  };
}

async function* contentOf(path: string, start: number): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* createReadStream(path, { start, highWaterMark: CHUNK }) as AsyncIterable<Uint8Array>;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CortenError("failed-precondition", `cannot read ${path}: ${code}`, { cause });
  }
}
