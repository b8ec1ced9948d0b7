import type { Annotations, Digest, DigestAlgorithm } from "../../spec/index.ts";
import type { StoredBlob } from "../storage/blob-storage.ts";
import type { Announce, EventQueue } from "./event-queue.ts";
import type { Housekeeping, Quota } from "./housekeeping.ts";

/** A blob as one repository has it. */
export interface BlobRecord extends StoredBlob {
  /** When it was last pushed, mounted or touched here, in milliseconds since 1970. */
  readonly touched: number;
}

/** A manifest or index, without its bytes. */
export interface ManifestRecord {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
}

/** A manifest with the exact bytes that were pushed. */
export interface StoredManifest extends ManifestRecord {
  readonly bytes: Uint8Array;
}

/** A manifest to be stored: what the registry has read out of it. */
export interface NewManifest extends StoredManifest {
  readonly subject?: Digest;
  /** As a referrer's descriptor has it: its own, else the media type of its configuration. */
  readonly artifactType?: string;
  readonly annotations?: Annotations;
  /** Configuration and layers. */
  readonly blobs: readonly Digest[];
  /** What an index lists. */
  readonly manifests: readonly Digest[];
}

/** Options of {@link Metadata.putManifest}. */
export interface PutManifestOptions {
  readonly tags: readonly string[];
  /** What must be in the repository in the same moment; default none. */
  readonly required?: readonly Digest[];
  /** Asked for each tag that would be new or lead elsewhere than before. Default: all are allowed. */
  readonly mayTag?: (tag: string, change: "create" | "update") => boolean;
  readonly quota?: Quota;
  readonly announce?: Announce<PutManifestResult>;
}

/** How a blob comes into a repository. */
export interface AddBlobOptions<Result> {
  readonly quota?: Quota | undefined;
  readonly announce?: Announce<Result> | undefined;
}

/** What became of a manifest that was put. Nothing was changed unless it is `stored`. */
export type PutManifestResult =
  | { readonly outcome: "stored"; readonly created: boolean }
  | { readonly outcome: "missing"; readonly digests: readonly Digest[] }
  | { readonly outcome: "refused"; readonly tag: string };

/** Why something was not removed: a tag needs it that may not be lost. Nothing was changed. */
export interface TagRefusal {
  readonly refusedTag: string;
}

/** A part of a sorted list. */
export interface Page {
  /** The first entry is the one after this, whether it exists or not. */
  readonly after?: string;
  /** At most so many entries. */
  readonly limit: number;
}

/** A manifest that has a subject, as the referrers list shows it. */
export interface Referrer extends ManifestRecord {
  readonly artifactType?: string;
  readonly annotations?: Annotations;
}

/** A session in which a blob is uploaded. */
export interface UploadRecord {
  readonly id: string;
  readonly repository: string;
  /** Name of who began it: nobody else may go on with it. Undefined when it was anonymous. */
  readonly owner?: string;
  /** The algorithm that the client has announced, else sha256. */
  readonly algorithm: DigestAlgorithm;
  /** When it was last claimed, in milliseconds since 1970: what decides on expiry. */
  readonly touched: number;
}

/** Bytes that nobody needs any more, to be removed from storage: of a blob, or of an upload that has ended. */
export interface Orphan {
  readonly key: string;
  /** Undefined for an upload. */
  readonly digest?: Digest;
  /** 0 for an upload, of which metadata does not know how much there is. */
  readonly size: number;
}

/** A blob that a collection took out of a repository. */
export interface DroppedBlob {
  readonly repository: string;
  readonly digest: Digest;
  readonly size: number;
}

/**
 * What a registry knows: repositories, their manifests, tags and blobs, uploads, and which bytes are
 * no longer needed. Each call is one transaction, seen by every server that uses the same metadata as
 * soon as it resolves. What changes blobs, manifests and tags outlives a power cut then; what changes
 * uploads outlives the process. Nothing that is true may be kept in a process.
 *
 * A repository exists while it has a manifest or a blob.
 *
 * How collecting goes on beside pushes: a blob comes into a repository by {@link Metadata.addBlob} or
 * {@link Metadata.mountBlob}, and stays while a manifest there references it, or for a grace time after
 * it was last touched, which pushing, mounting and asking for it with HEAD do. Then
 * {@link Metadata.dropUnreferenced} takes it out. In the transaction in which a blob leaves its last
 * repository the digest loses its key, which becomes one of the {@link Metadata.orphans}: whoever pushes
 * the same blob afterwards brings a key of its own, so nobody can be given one that is being removed.
 */
export interface Metadata extends Housekeeping, AsyncDisposable {
  /** Events of changes. Whoever changes something may hand over a function that makes them. */
  readonly events: EventQueue;

  /** The blob, when the repository has it: the only way to its key (CVE-2026-35172). */
  blob(repository: string, digest: Digest): Promise<BlobRecord | undefined>;
  /**
   * Makes the blob one of the repository's and, unless `upload` is undefined, ends that upload.
   *
   * @returns the key that the digest has. When it is not that of `stored`, the content was there
   *   already, and what was stored is an orphan.
   * @throws not-found when the upload has ended or expired meanwhile, resource-exhausted when the quota would be
   *   exceeded: nothing was changed
   */
  addBlob(
    repository: string,
    digest: Digest,
    stored: StoredBlob,
    upload?: string,
    options?: AddBlobOptions<StoredBlob>,
  ): Promise<StoredBlob>;
  /** Makes a blob that `from` has one of `repository` too. False when `from` does not have it. */
  mountBlob(
    repository: string,
    digest: Digest,
    from: string,
    options?: AddBlobOptions<boolean>,
  ): Promise<boolean>;
  /** Repositories that have the blob, sorted. */
  repositoriesOf(digest: Digest, page: Page): Promise<readonly string[]>;
  /**
   * Begins the grace time of a blob anew, because a client will be told that it need not be pushed. False when it is
   * not there any more.
   */
  touchBlob(repository: string, digest: Digest): Promise<boolean>;
  /**
   * Takes a blob out of the repository; false when it was not there.
   *
   * @param mayLose asked for each tag that needs the blob; default: all may lose it
   */
  removeBlob(
    repository: string,
    digest: Digest,
    mayLose?: (tag: string) => boolean,
    announce?: Announce<boolean | TagRefusal>,
  ): Promise<boolean | TagRefusal>;

  /** The manifest that a tag or digest names, without bytes. */
  manifest(repository: string, reference: string): Promise<ManifestRecord | undefined>;
  /** The same with its bytes. */
  readManifest(repository: string, reference: string): Promise<StoredManifest | undefined>;
  putManifest(
    repository: string,
    manifest: NewManifest,
    options: PutManifestOptions,
  ): Promise<PutManifestResult>;
  /**
   * Removes a manifest and the tags that lead to it, which are returned; undefined when it was not there.
   *
   * @param mayLose asked for each tag that leads to it, also over an index; default: all may
   */
  removeManifest(
    repository: string,
    digest: Digest,
    mayLose?: (tag: string) => boolean,
    announce?: Announce<readonly string[] | TagRefusal | undefined>,
  ): Promise<readonly string[] | TagRefusal | undefined>;
  /** Removes a tag; returns where it led to, undefined when it was not there. */
  removeTag(
    repository: string,
    tag: string,
    announce?: Announce<Digest | undefined>,
  ): Promise<Digest | undefined>;

  /** Tags in the order of their bytes; undefined when the repository does not exist. */
  tags(repository: string, page: Page): Promise<readonly string[] | undefined>;
  /** Repositories with content, in the order of their bytes. */
  repositories(page: Page): Promise<readonly string[]>;
  /** Manifests whose subject is `subject`, by digest; the subject need not exist. */
  referrers(
    repository: string,
    subject: Digest,
    page: Page & { readonly artifactType?: string },
  ): Promise<readonly Referrer[]>;

  /** Writes down a new upload. */
  beginUpload(upload: UploadRecord): Promise<void>;
  /** An upload, to tell about it. */
  upload(repository: string, id: string): Promise<UploadRecord | undefined>;
  /**
   * Takes an upload for one request that changes it, until {@link Metadata.releaseUpload}, or until
   * `until` where that never comes because its server died. `"busy"` while another request has it. The
   * same holder may claim again, to have it longer.
   */
  claimUpload(
    repository: string,
    id: string,
    claim: { readonly holder: string; readonly until: number },
  ): Promise<UploadRecord | "busy" | undefined>;
  /** Lets go of a claim. */
  releaseUpload(id: string, holder: string): Promise<void>;
  /** Ends an upload, whose bytes become an orphan; false when it was not there. */
  endUpload(id: string): Promise<boolean>;
  /** Ends unclaimed uploads last touched before a time, and returns their ids. */
  expireUploads(before: number, limit: number): Promise<readonly string[]>;
  /** Number of uploads: of one repository, or of all. */
  countUploads(repository?: string): Promise<number>;

  /** Takes blobs out of repositories that no manifest there references and nobody touched since `before`. */
  dropUnreferenced(
    before: number,
    limit: number,
    announce?: Announce<readonly DroppedBlob[]>,
  ): Promise<readonly DroppedBlob[]>;
  /** Bytes to be removed from storage; the same ones again until {@link Metadata.forgetOrphans}. */
  orphans(limit: number): Promise<readonly Orphan[]>;
  /** The bytes of these keys have been removed from storage. */
  forgetOrphans(keys: readonly string[]): Promise<void>;
  /**
   * True when no blob, no upload and no orphan has the key: what a power cut left, which undid the begin
   * of an upload but not its bytes. Look at old bytes only.
   */
  isUnknown(key: string): Promise<boolean>;

  /** Rejects when the metadata cannot be read now: for the readiness of a server. */
  check(): Promise<void>;
}
