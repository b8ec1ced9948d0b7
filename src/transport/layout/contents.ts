import type { Descriptor, ImageIndex } from "../../spec/index.ts";
import {
  Annotation,
  CortenError,
  MAX_DOCUMENT_SIZE,
  parseDigest,
  parseIndex,
  parseStrictJson,
  splitDigest,
} from "../../spec/index.ts";
import { verifyBytes } from "../stream.ts";
import type { LayoutFiles } from "./files.ts";

/**
 * Where image-layout.md keeps a blob.
 *
 * @throws invalid-argument for a digest that could lead elsewhere (CVE-2024-3727)
 */
export function blobPath({ digest }: Pick<Descriptor, "digest">): string {
  const [algorithm, encoded] = splitDigest(parseDigest(digest));
  return `blobs/${algorithm}/${encoded}`;
}

/** Reads a small file of a layout; undefined when it does not exist. */
export async function readSmall(
  files: LayoutFiles,
  path: string,
  limit: number,
): Promise<Uint8Array | undefined> {
  const size = await files.size(path);
  if (size === undefined) return undefined;
  const chunks: Uint8Array[] = [];
  let total = 0;
  // Counted while reading as well: a file may grow after its size was taken.
  for await (const chunk of size > limit ? [] : files.read(path)) {
    chunks.push(chunk);
    total += chunk.length;
    if (total > limit) break;
  }
  if (size > limit || total > limit) {
    throw new CortenError("resource-exhausted", `${files.name}: ${path} is larger than ${limit} bytes`);
  }
  return Buffer.concat(chunks);
}

/**
 * The index of a layout, after the layout's version has been checked (image-spec, image-layout.md).
 *
 * @throws invalid-argument when it is no layout
 */
export async function readLayoutIndex(files: LayoutFiles): Promise<ImageIndex> {
  const header = await readSmall(files, "oci-layout", 64 * 1024);
  if (header === undefined) {
    throw new CortenError(
      "invalid-argument",
      `${files.name} is not an OCI image layout: it has no file oci-layout`,
    );
  }
  const what = `${files.name}: oci-layout`;
  const version = (parseStrictJson(header, what) as { imageLayoutVersion?: unknown } | null)
    ?.imageLayoutVersion;
  if (version !== "1.0.0") {
    throw new CortenError(
      "invalid-argument",
      `${what} has the version ${JSON.stringify(version ?? null).slice(0, 40)}, not "1.0.0"`,
    );
  }
  const index = await readSmall(files, "index.json", MAX_DOCUMENT_SIZE);
  if (index === undefined) throw new CortenError("invalid-argument", `${files.name} has no index.json`);
  return parseIndex(index, undefined, { what: `${files.name}: index.json` });
}

/**
 * The entry of a layout's index that `ref` names, or its only one.
 *
 * @throws not-found when there is none; failed-precondition when there are several to choose from
 */
export function chooseEntry(index: ImageIndex, ref: string | undefined, name: string): Descriptor {
  const fits = index.manifests.filter((entry) => ref === undefined || namesOf(entry).includes(ref));
  const known = [...new Set(index.manifests.flatMap(namesOf))].slice(0, 20).join(", ");
  const hint = known === "" ? {} : { hint: `it has: ${known}` };
  const entry = fits[0];
  if (entry === undefined) throw new CortenError("not-found", `${name}: no image of that name`, hint);
  if (fits.some(({ digest }) => digest !== entry.digest)) {
    throw new CortenError("failed-precondition", `${name} holds several images: name one`, hint);
  }
  return entry;
}

/**
 * The entry of a layout's index at a position, counted from 0.
 *
 * @throws not-found when there are fewer
 */
export function entryAt(index: ImageIndex, position: number, name: string): Descriptor {
  const entry = index.manifests[position];
  if (entry !== undefined) return entry;
  throw new CortenError("not-found", `${name} holds ${index.manifests.length} images, the first is @0`);
}

/** The names of an index entry: its ref.name, and the full name that containerd and Docker write beside it. */
export function namesOf({ annotations = {} }: Descriptor): readonly string[] {
  const names = [annotations[Annotation.refName], annotations[Annotation.containerdImageName]];
  return [...new Set(names.filter((name) => name !== undefined))];
}

/**
 * A manifest or index by descriptor, verified.
 *
 * @throws not-found when the layout does not have it; data-loss when it is not what the descriptor says
 */
export async function readDocument(files: LayoutFiles, descriptor: Descriptor): Promise<Uint8Array> {
  const what = `${files.name}: manifest ${descriptor.digest}`;
  if (descriptor.size > MAX_DOCUMENT_SIZE) {
    throw new CortenError("resource-exhausted", `${what} is ${descriptor.size} bytes, too many`);
  }
  const bytes = await readSmall(files, blobPath(descriptor), MAX_DOCUMENT_SIZE);
  if (bytes === undefined) throw new CortenError("not-found", `${what} is missing`);
  await verifyBytes(bytes, descriptor, what);
  return bytes;
}

/**
 * A blob's bytes from `offset` on.
 *
 * @throws not-found when the layout does not have it; data-loss when its size is not the descriptor's
 */
export async function readBlobFile(
  files: LayoutFiles,
  descriptor: Descriptor,
  offset: number,
): Promise<AsyncIterable<Uint8Array>> {
  const path = blobPath(descriptor);
  const size = await files.size(path);
  if (size === undefined)
    throw new CortenError("not-found", `${files.name}: blob ${descriptor.digest} is missing`);
  if (size !== descriptor.size) {
    throw new CortenError(
      "data-loss",
      `${files.name}: blob ${descriptor.digest} has ${size} bytes, not ${descriptor.size}`,
    );
  }
  return files.read(path, offset);
}
