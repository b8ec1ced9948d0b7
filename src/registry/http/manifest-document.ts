import { createHash } from "node:crypto";
import { openHash } from "../../content/index.ts";
import type { Descriptor, Digest, ParsedDocument } from "../../spec/index.ts";
import {
  CortenError,
  isVerifiable,
  MediaType,
  parseDocument,
  splitDigest,
  verifiableAlgorithm,
} from "../../spec/index.ts";
import type { NewManifest } from "../metadata/metadata.ts";
import { DistributionError } from "./distribution-error.ts";

/** A manifest as it was pushed, and what must be there for it to be whole. */
export interface ReadManifest {
  readonly manifest: NewManifest;
  /** Configuration and layers that a registry is expected to have. */
  readonly requiredBlobs: readonly Digest[];
}

/**
 * Validates what was pushed as a manifest. A document that is both manifest and index, or not of the type
 * it was announced with, would be two images to two readers (CVE-2021-41190); a digest that is no digest
 * must not get any further (CVE-2024-3727, CVE-2026-95839).
 *
 * @param contentType the request's, if it had one; parameters are ignored
 * @throws MANIFEST_INVALID with the place of the fault
 */
export async function readPushedManifest(
  bytes: Uint8Array,
  contentType: string | undefined,
  digest: Digest,
  maxSize: number,
): Promise<ReadManifest> {
  const announced = mediaTypeOf(contentType);
  let document: ParsedDocument;
  try {
    document = parseDocument(bytes, announced, { what: `manifest ${digest}`, maxSize });
  } catch (cause) {
    if (!(cause instanceof CortenError)) throw cause;
    const detail = cause.pointer === undefined ? undefined : { pointer: cause.pointer };
    throw new DistributionError("MANIFEST_INVALID", cause.message, { detail, cause });
  }
  const content = document.kind === "manifest" ? document.manifest : document.index;
  const children = document.kind === "manifest" ? [] : document.index.manifests;
  const parts = document.kind === "manifest" ? [document.manifest.config, ...document.manifest.layers] : [];
  for (const descriptor of [...parts, ...children]) await checkData(descriptor, digest);
  const artifactType =
    content.artifactType || (document.kind === "manifest" ? document.manifest.config.mediaType : undefined);
  const { subject, annotations } = content;
  const fallback = document.kind === "manifest" ? MediaType.imageManifest : MediaType.imageIndex;
  return {
    manifest: {
      digest,
      mediaType: announced ?? content.mediaType ?? fallback,
      size: bytes.length,
      bytes,
      blobs: parts.map((part) => part.digest),
      manifests: children.map((child) => child.digest),
      ...(subject === undefined ? {} : { subject: subject.digest }),
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(annotations === undefined ? {} : { annotations }),
    },
    requiredBlobs: parts.filter(isDistributed).map((part) => part.digest),
  };
}

/** The media type of a Content-Type header, without parameters. */
function mediaTypeOf(contentType: string | undefined): string | undefined {
  const type = contentType?.split(";", 1)[0]?.trim();
  // What programs send that were not told a type.
  return type === "" || type === "application/octet-stream" || type === "application/json" ? undefined : type;
}

/** Foreign layers stay where their `urls` say. */
function isDistributed({ mediaType, urls }: Descriptor): boolean {
  return urls === undefined && !mediaType.includes(".nondistributable.") && !mediaType.includes(".foreign.");
}

/** Embedded content must be what the descriptor names (image-spec, descriptor.md). */
async function checkData({ data, digest }: Descriptor, manifest: Digest): Promise<void> {
  if (data === undefined) return;
  if (!isVerifiable(splitDigest(digest)[0])) return;
  if ((await digestLike(Buffer.from(data, "base64"), digest)) === digest) return;
  throw new DistributionError(
    "MANIFEST_INVALID",
    `manifest ${manifest}: the data embedded for ${digest} is other content`,
  );
}

/** The digest of `bytes` under the algorithm of `digest`. @throws unimplemented for one that is not known */
export async function digestLike(bytes: Uint8Array, digest: Digest): Promise<Digest> {
  const algorithm = verifiableAlgorithm(digest);
  const hash = await openHash(algorithm);
  hash.update(bytes);
  return `${algorithm}:${hash.digest("hex")}`;
}

/** The digest that content has which was pushed under a tag. */
export function canonicalDigest(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
