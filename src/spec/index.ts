/**
 * The standards, as types and constants: image-spec, distribution-spec, runtime-spec, and the
 * one error class. Nothing here does I/O, and every other room may import it.
 */

export {
  ALIGNED_SIZE,
  DIRECT_UNIT,
  giveAligned,
  isAligned,
  takeAligned,
} from "./aligned-memory.ts";
export { Annotation } from "./annotations.ts";
export type { DiffIDAlgorithm, Digest, DigestAlgorithm } from "./digest.ts";
export { diffIDAlgorithm, isVerifiable, parseDigest, splitDigest, verifiableAlgorithm } from "./digest.ts";
export type { DocumentOptions, ParsedDocument } from "./document.ts";
export { MAX_DOCUMENT_SIZE, parseDocument, parseIndex, parseManifest, readDescriptor } from "./document.ts";
export type { ErrorCode, ErrorDetails } from "./error.ts";
export { CortenError, isCortenError } from "./error.ts";
export type {
  Annotations,
  Descriptor,
  ImageConfig,
  ImageExecution,
  ImageHealthcheck,
  ImageHistory,
  ImageIndex,
  ImageLayout,
  ImageManifest,
  Platform,
} from "./image.ts";
export { MAX_CONFIG_SIZE, parseImageConfig } from "./image-config.ts";
export { JsonView } from "./json-view.ts";
export { isErofsLayerType, isIndexType, isManifestType, MediaType } from "./media-types.ts";
export type { Reference } from "./reference.ts";
export {
  canonicalReference,
  DEFAULT_REGISTRY,
  familiarName,
  familiarReference,
  isRepository,
  isTag,
  parseReference,
} from "./reference.ts";
export type {
  RuntimeBlockIO,
  RuntimeCapabilities,
  RuntimeConfig,
  RuntimeCpu,
  RuntimeDevice,
  RuntimeDeviceRule,
  RuntimeHook,
  RuntimeHooks,
  RuntimeIdMapping,
  RuntimeIntelRdt,
  RuntimeLinux,
  RuntimeMemory,
  RuntimeMount,
  RuntimeNamespace,
  RuntimeNamespaceType,
  RuntimePids,
  RuntimeProcess,
  RuntimeResources,
  RuntimeRlimit,
  RuntimeRoot,
  RuntimeScheduler,
  RuntimeSeccomp,
  RuntimeSeccompArgument,
  RuntimeSeccompRule,
  RuntimeState,
  RuntimeStatus,
  RuntimeUser,
} from "./runtime.ts";
export { escapePointer, parseStrictJson } from "./strict-json.ts";
export { EMPTY_DIGEST } from "./validate/descriptor.ts";
export type { Judged } from "./validate/document.ts";
export { validateDocument, validateImageConfig, validateLayoutFile } from "./validate/document.ts";
export type { DocumentFinding } from "./validate/finding.ts";
export { isDateTime, isExposedPort, isSignal } from "./validate/grammar.ts";
export type { ExaminedConfig } from "./validate/image-config.ts";
export type { ExaminedIndex } from "./validate/image-index.ts";
export type { ExaminedManifest } from "./validate/manifest.ts";
export type { DocumentRule, Rule, Severity } from "./validate/rules.ts";
export type { Version, VersionRange } from "./version-range.ts";
export { compareVersions, parseVersion, parseVersionRange } from "./version-range.ts";
