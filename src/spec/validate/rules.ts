/** How bad it is to break a rule: what a standard forbids, or what it advises against or readers stumble over. */
export type Severity = "error" | "warning";

/** A rule that an image can break. */
export interface Rule {
  readonly severity: Severity;
  /** Where the standard says so: document and section. */
  readonly clause: string;
}

/** Every rule that documents are judged by. The names are part of the output of `corten image validate`. */
export const DOCUMENT_RULES = {
  json: { severity: "error", clause: "RFC 7493 (I-JSON), section 2; image-spec media-types.md" },
  "json-duplicate-name": { severity: "error", clause: "RFC 7493 (I-JSON), section 2.3" },
  "document-size": { severity: "error", clause: "distribution-spec, Pushing Manifests (4 MiB)" },
  type: { severity: "error", clause: "image-spec schema: type of the property" },
  "null-field": { severity: "warning", clause: "image-spec schema: the property is not nullable" },
  required: { severity: "error", clause: "image-spec: REQUIRED property" },
  "schema-version": { severity: "error", clause: "manifest.md and image-index.md, schemaVersion" },
  "document-kind": { severity: "error", clause: "CVE-2021-41190; media-types.md, mediaType conflicts" },
  "document-media-type": { severity: "error", clause: "manifest.md and image-index.md, mediaType" },
  "document-media-type-missing": {
    severity: "warning",
    clause: "manifest.md and image-index.md, mediaType (SHOULD)",
  },
  "media-type": { severity: "error", clause: "descriptor.md, mediaType (RFC 6838, section 4.2)" },
  digest: { severity: "error", clause: "descriptor.md, Digests" },
  "digest-algorithm": { severity: "warning", clause: "descriptor.md, Registered Algorithms" },
  size: { severity: "error", clause: "descriptor.md, size" },
  url: { severity: "error", clause: "descriptor.md, urls (RFC 3986)" },
  "url-scheme": { severity: "warning", clause: "descriptor.md, urls: http and https (SHOULD)" },
  "descriptor-data": { severity: "error", clause: "descriptor.md, Embedded Content" },
  "empty-descriptor": { severity: "error", clause: "manifest.md, Guidance for an Empty Descriptor" },
  platform: { severity: "error", clause: "image-index.md, platform" },
  "platform-name": { severity: "warning", clause: "image-index.md, platform: GOOS and GOARCH (SHOULD)" },
  "platform-duplicate": { severity: "warning", clause: "image-index.md, manifests: the first match is used" },
  "artifact-type": { severity: "error", clause: "manifest.md, artifactType" },
  "no-layers": { severity: "warning", clause: "manifest.md, layers: at least one entry (SHOULD)" },
  "layer-count": { severity: "error", clause: "config.md, rootfs.diff_ids: one for each layer" },
  nondistributable: { severity: "warning", clause: "layer.md, Non-Distributable Layers (deprecated)" },
  "rootfs-type": { severity: "error", clause: "config.md, rootfs.type" },
  history: { severity: "error", clause: "config.md, history: one entry that is not empty for each layer" },
  "history-short": {
    severity: "warning",
    clause: "config.md, history: one entry that is not empty for each layer",
  },
  time: { severity: "error", clause: "RFC 3339, section 5.6; config.md and annotations.md, created" },
  env: { severity: "error", clause: "config.md, config.Env: VARNAME=VARVALUE" },
  "env-duplicate": { severity: "warning", clause: "config.md, config.Env" },
  port: { severity: "error", clause: "config.md, config.ExposedPorts" },
  volume: { severity: "warning", clause: "config.md, config.Volumes" },
  "working-dir": { severity: "warning", clause: "config.md, config.WorkingDir" },
  user: { severity: "warning", clause: "config.md, config.User" },
  "stop-signal": { severity: "error", clause: "config.md, config.StopSignal" },
  "reserved-field": { severity: "warning", clause: "config.md, config: reserved properties" },
  "deprecated-field": { severity: "warning", clause: "config.md, config.ArgsEscaped (deprecated)" },
  annotation: { severity: "error", clause: "annotations.md, Rules" },
  "annotation-name": {
    severity: "warning",
    clause: "annotations.md, Rules: reverse domain notation (SHOULD)",
  },
  "annotation-reserved": {
    severity: "warning",
    clause: "annotations.md, Rules: org.opencontainers is reserved",
  },
  "annotation-value": { severity: "error", clause: "annotations.md, Pre-Defined Annotation Keys" },
  "ref-name": { severity: "warning", clause: "annotations.md, org.opencontainers.image.ref.name" },
  layout: { severity: "error", clause: "image-layout.md, oci-layout file" },
} as const satisfies Readonly<Record<string, Rule>>;

/** The name of a rule about documents. */
export type DocumentRule = keyof typeof DOCUMENT_RULES;
