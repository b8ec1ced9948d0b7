import type { Digest } from "./digest.ts";
import { parseDigest } from "./digest.ts";
import { CortenError } from "./error.ts";
import type { Annotations, Descriptor, ImageIndex, ImageManifest, Platform } from "./image.ts";
import { JsonView } from "./json-view.ts";
import { isIndexType, isManifestType } from "./media-types.ts";
import { parseStrictJson } from "./strict-json.ts";

/** Largest manifest or index that is read: what registries must accept (distribution-spec, "Pushing manifests"). */
export const MAX_DOCUMENT_SIZE = 4 * 1024 * 1024;

/** Options of the validators. */
export interface DocumentOptions {
  /** Largest document in bytes. Default: {@link MAX_DOCUMENT_SIZE}, twice that for a configuration. */
  readonly maxSize?: number;
  /** Names the document in messages, e.g. its digest or reference. Default: its kind. */
  readonly what?: string;
}

/** A manifest or an index, told apart by what it says of itself. */
export type ParsedDocument =
  | { readonly kind: "manifest"; readonly manifest: ImageManifest }
  | { readonly kind: "index"; readonly index: ImageIndex };

/**
 * Parses an image manifest (image-spec, manifest.md; Docker's schema 2 is the same shape).
 *
 * A document that could be read as both manifest and index, or whose `mediaType` is not the one it
 * was announced with, is refused: two readers would see two images (CVE-2021-41190).
 *
 * @param mediaType what the descriptor or the Content-Type says, if anything did
 * @returns the parts that the specification names; unknown fields are only in the bytes
 * @throws invalid-argument with the JSON pointer; unimplemented for Docker's schema 1
 */
export function parseManifest(
  bytes: Uint8Array,
  mediaType?: string,
  options?: DocumentOptions,
): ImageManifest {
  const root = readDocument(bytes, mediaType, { what: "manifest", ...options });
  if (!root.field("manifests").absent) throw root.field("manifests").fault("does not belong in a manifest");
  checkType(root, mediaType, isManifestType, "a manifest");
  const subject = root.field("subject");
  return {
    schemaVersion: 2,
    ...common(root),
    config: readDescriptor(root.field("config")),
    layers: root.field("layers").items().map(readDescriptor),
    ...(subject.absent ? {} : { subject: readDescriptor(subject) }),
  };
}

/**
 * Parses an image index (image-spec, image-index.md) or Docker manifest list, with the checks of
 * {@link parseManifest}.
 *
 * @throws invalid-argument with the JSON pointer; unimplemented for Docker's schema 1
 */
export function parseIndex(bytes: Uint8Array, mediaType?: string, options?: DocumentOptions): ImageIndex {
  const root = readDocument(bytes, mediaType, { what: "index", ...options });
  for (const name of ["layers", "config"]) {
    if (!root.field(name).absent) throw root.field(name).fault("does not belong in an index");
  }
  checkType(root, mediaType, isIndexType, "an index");
  const subject = root.field("subject");
  return {
    schemaVersion: 2,
    ...common(root),
    manifests: root.field("manifests").items().map(readDescriptor),
    ...(subject.absent ? {} : { subject: readDescriptor(subject) }),
  };
}

/**
 * Parses a document that may be either, going by the announced type, then its own `mediaType`, then
 * its shape.
 *
 * @throws as {@link parseManifest}
 */
export function parseDocument(
  bytes: Uint8Array,
  mediaType?: string,
  options?: DocumentOptions,
): ParsedDocument {
  const announced = mediaType === undefined ? undefined : kindOf(mediaType);
  if (mediaType !== undefined && announced === undefined) {
    const what = options?.what ?? "document";
    throw new CortenError(
      "invalid-argument",
      `${what} has the type "${mediaType}", neither manifest nor index`,
    );
  }
  const kind = announced ?? kindByContent(readDocument(bytes, mediaType, { what: "document", ...options }));
  return kind === "index"
    ? { kind, index: parseIndex(bytes, mediaType, options) }
    : { kind, manifest: parseManifest(bytes, mediaType, options) };
}

function kindOf(mediaType: string): ParsedDocument["kind"] | undefined {
  if (isIndexType(mediaType)) return "index";
  return isManifestType(mediaType) || isSchema1(mediaType) ? "manifest" : undefined;
}

function kindByContent(root: JsonView): ParsedDocument["kind"] {
  const own = root.field("mediaType");
  const kind = own.absent ? undefined : kindOf(own.string());
  return kind ?? (root.field("manifests").absent ? "manifest" : "index");
}

function isSchema1(mediaType: string): boolean {
  return mediaType.startsWith("application/vnd.docker.distribution.manifest.v1+");
}

function readDocument(
  bytes: Uint8Array,
  mediaType: string | undefined,
  options: DocumentOptions & { what: string },
): JsonView {
  const { what, maxSize = MAX_DOCUMENT_SIZE } = options;
  if (bytes.length > maxSize) {
    throw new CortenError("resource-exhausted", `${what} is ${bytes.length} bytes, more than ${maxSize}`);
  }
  const root = new JsonView(parseStrictJson(bytes, what), what);
  const version = root.field("schemaVersion");
  if (version.value === 1 || (mediaType !== undefined && isSchema1(mediaType))) {
    const why = version.value === 1 ? "/schemaVersion is 1" : `it was announced as "${mediaType}"`;
    throw new CortenError(
      "unimplemented",
      `${what} is of Docker's schema 1, which is not supported: ${why}`,
      { hint: "push the image again with a current Docker, Podman or skopeo", pointer: "/schemaVersion" },
    );
  }
  if (version.absent) throw version.fault("is not a number");
  if (version.value !== 2) throw version.fault(`is ${shown(version.value)}, not 2`);
  return root;
}

function checkType(
  root: JsonView,
  announced: string | undefined,
  fits: (type: string) => boolean,
  kind: string,
): void {
  if (announced !== undefined && !fits(announced)) {
    throw root.fault(`was announced as "${announced}", which is not the type of ${kind}`);
  }
  const own = root.field("mediaType");
  if (own.absent) return;
  if (!fits(own.string())) throw own.fault(`is ${shown(own.value)}, not the type of ${kind}`);
  if (announced !== undefined && own.value !== announced) {
    throw own.fault(`is ${shown(own.value)}, but the document was announced as "${announced}"`);
  }
}

function common(root: JsonView): { mediaType?: string; artifactType?: string; annotations?: Annotations } {
  const mediaType = root.field("mediaType");
  const artifactType = root.field("artifactType");
  const annotations = root.field("annotations");
  return {
    ...(mediaType.absent ? {} : { mediaType: mediaType.string() }),
    ...(artifactType.absent ? {} : { artifactType: artifactType.string() }),
    ...(annotations.absent ? {} : { annotations: annotations.map((value) => value.string()) }),
  };
}

/**
 * Reads a content descriptor (image-spec, descriptor.md). The digest's grammar is checked before the
 * digest can become part of a path or a URL (CVE-2024-3727).
 *
 * @throws invalid-argument with the JSON pointer
 */
export function readDescriptor(view: JsonView): Descriptor {
  const mediaType = view.field("mediaType").string();
  const size = view.field("size").size();
  const urls = view.field("urls");
  const annotations = view.field("annotations");
  const data = view.field("data");
  const artifactType = view.field("artifactType");
  const platform = view.field("platform");
  return {
    mediaType,
    digest: readDigest(view.field("digest")),
    size,
    ...(urls.absent ? {} : { urls: urls.strings() }),
    ...(annotations.absent ? {} : { annotations: annotations.map((value) => value.string()) }),
    ...(data.absent ? {} : { data: readData(data, size) }),
    ...(artifactType.absent ? {} : { artifactType: artifactType.string() }),
    ...(platform.absent ? {} : { platform: readPlatform(platform) }),
  };
}

/** Reads a digest; the error carries the pointer. */
export function readDigest(view: JsonView): Digest {
  const text = view.string();
  try {
    return parseDigest(text);
  } catch (cause) {
    throw view.fault((cause as Error).message);
  }
}

/** Embedded content must decode to `size` bytes; that it has the digest is checked by who uses it. */
function readData(view: JsonView, size: number): string {
  const data = view.string();
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(data) || data.length % 4 !== 0) throw view.fault("is not base64");
  const padding = data.endsWith("==") ? 2 : data.endsWith("=") ? 1 : 0;
  const length = (data.length / 4) * 3 - padding;
  if (length !== size) throw view.fault(`holds ${length} bytes, but the descriptor's size is ${size}`);
  return data;
}

function readPlatform(view: JsonView): Platform {
  const osVersion = view.field("os.version");
  const osFeatures = view.field("os.features");
  const variant = view.field("variant");
  return {
    architecture: view.field("architecture").string(),
    os: view.field("os").string(),
    ...(osVersion.absent ? {} : { "os.version": osVersion.string() }),
    ...(osFeatures.absent ? {} : { "os.features": osFeatures.strings() }),
    ...(variant.absent ? {} : { variant: variant.string() }),
  };
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
