/**
 * A registry: the server of the distribution specification. Clients push *blobs* (layers,
 * configurations) and *manifests* into *repositories*, give manifests *tags*, and pull them again.
 *
 * What it keeps is in two parts: *metadata*, the rows that say which repository has what, and *blob
 * storage*, which keeps bytes under keys and knows neither digests nor repositories. A blob can only be
 * read through a repository that has it. Both parts may be shared by several servers.
 */

export type { Access, Action, Grant, Identity } from "./access/access.ts";
export type { AccessDefaults, AccessSettings, TokenSettings } from "./access/access-settings.ts";
export { readAccessSettings } from "./access/access-settings.ts";
export { openAccess } from "./access/configured-access.ts";
export { passwordLine } from "./access/password-line.ts";
export { RetryLater } from "./access/retry-later.ts";
export type { KeyDescription } from "./access/signing-keys.ts";
export { listKeys, ownTokens, pruneKeys, rotateKeys } from "./access/signing-keys.ts";
export type { TlsFiles, TlsServer, TlsServerOptions } from "./access/tls-server.ts";
export { openTlsServer } from "./access/tls-server.ts";
export type { CollectionSettings } from "./collection/collection-settings.ts";
export { COLLECTION_SECTIONS, readCollectionSettings } from "./collection/collection-settings.ts";
export type { CollectionReport, ScrubSettings } from "./collection/housekeeper.ts";
export type { Quotas } from "./collection/quotas.ts";
export type { Expired } from "./collection/retention.ts";
export type { KeepTags, RetentionRule } from "./collection/retention-rules.ts";
export type { Damage, ScrubReport } from "./collection/scrubber.ts";
export { readConfigFile } from "./config/config-file.ts";
export type { ListenAddress } from "./config/listen-address.ts";
export { describeAddress, parseListenAddress } from "./config/listen-address.ts";
export type { RegistryConfig, TlsSettings, WarningSetting } from "./config/registry-config.ts";
export { DEFAULT_LISTEN, openConfig } from "./config/registry-config.ts";
export type { CloudEvent } from "./events/cloud-event.ts";
export type { DeliveryOutcome } from "./events/courier.ts";
export type { WebhookOptions } from "./events/outbox.ts";
export type { RegistryEvent } from "./events/registry-event.ts";
export type { WebhookSettings } from "./events/webhook-settings.ts";
export type { AccessRecord } from "./http/access-record.ts";
export type { Endpoint } from "./http/endpoint.ts";
export type {
  Announce,
  DeadEvent,
  DeadPage,
  EventClaim,
  EventCounts,
  EventQueue,
  EventSelection,
  OutgoingEvent,
  WaitingEvent,
} from "./metadata/event-queue.ts";
export type {
  BlobToVerify,
  Housekeeping,
  Pull,
  Quota,
  TagState,
  UntaggedKind,
  UntaggedManifest,
  Usage,
} from "./metadata/housekeeping.ts";
export type {
  AddBlobOptions,
  BlobRecord,
  DroppedBlob,
  ManifestRecord,
  Metadata,
  NewManifest,
  Orphan,
  Page,
  PutManifestOptions,
  PutManifestResult,
  Referrer,
  StoredManifest,
  TagRefusal,
  UploadRecord,
} from "./metadata/metadata.ts";
export type { PostgresqlOptions } from "./metadata/postgresql/connection.ts";
export { openPostgresqlMetadata } from "./metadata/postgresql/postgresql-metadata.ts";
export type { Limits, RegistryOptions } from "./options.ts";
export type { UpstreamSettings } from "./proxy/upstream-settings.ts";
export type { Registry } from "./registry.ts";
export { createRegistry } from "./registry.ts";
export type { MirrorFailure, MirrorReport } from "./replication/mirror.ts";
export { describeMirrorReport } from "./replication/mirror.ts";
export { openAttendedRegistry } from "./server/attended-registry.ts";
export type { MirrorNowOptions } from "./server/mirror-now.ts";
export { mirrorNow } from "./server/mirror-now.ts";
export { openEvents } from "./server/open-events.ts";
export type { RegistryServer, RegistryServerOptions } from "./server/registry-server.ts";
export { startRegistryServer } from "./server/registry-server.ts";
export type { BlobStorage, BlobUpload, ByteRange, StoredBlob, StoredFile } from "./storage/blob-storage.ts";
export type { FilesystemOptions, FilesystemStorage } from "./storage/filesystem/filesystem-storage.ts";
export { openFilesystemStorage } from "./storage/filesystem/filesystem-storage.ts";
export { memoryStorage } from "./storage/memory/memory-storage.ts";
export type { RegistryStorage } from "./storage/registry-storage.ts";
export { S3Blobs } from "./storage/s3/s3-blobs.ts";
export type { S3Credentials, S3Options } from "./storage/s3/s3-options.ts";
export { webPage } from "./web/web-page.ts";
