import { isIndexType, isManifestType, MediaType, parseDocument } from "../spec/index.ts";

/**
 * The media type of a manifest or index, after the checks of parseDocument.
 *
 * @param announced what the Content-Type or descriptor says, if anything did
 * @param what names the document in messages
 */
export function documentType(bytes: Uint8Array, announced: string | undefined, what: string): string {
  const parsed = parseDocument(bytes, announced, { what });
  if (announced !== undefined) return announced;
  const own = parsed.kind === "index" ? parsed.index.mediaType : parsed.manifest.mediaType;
  if (own !== undefined && (isIndexType(own) || isManifestType(own))) return own;
  return parsed.kind === "index" ? MediaType.imageIndex : MediaType.imageManifest;
}
