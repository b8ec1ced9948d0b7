/**
 * The standards, as types and constants: image-spec, distribution-spec, runtime-spec, and the
 * one error class. Nothing here does I/O, and every other room may import it.
 */

export { Annotation } from "./annotations.ts";
export type { Digest, DigestAlgorithm } from "./digest.ts";
export { parseDigest, splitDigest, verifiableAlgorithm } from "./digest.ts";
export type { ErrorCode, ErrorDetails } from "./error.ts";
export { CortenError, isCortenError } from "./error.ts";
export type {
  Annotations,
  Descriptor,
  ImageConfig,
  ImageExecution,
  ImageHistory,
  ImageIndex,
  ImageLayout,
  ImageManifest,
  Platform,
} from "./image.ts";
export { isIndexType, isManifestType, MediaType } from "./media-types.ts";
