import type { Digest } from "../../spec/index.ts";
import type { Announce } from "./event-queue.ts";
import type { Page } from "./metadata.ts";

/** A manifest was read by a client. Times are in milliseconds since 1970. */
export interface Pull {
  readonly repository: string;
  readonly digest: Digest;
  /** The tag that it was asked for by, where it was. */
  readonly tag?: string;
  readonly at: number;
}

/** A tag as retention rules see it. */
export interface TagState {
  readonly name: string;
  readonly digest: Digest;
  /** When it was last pushed, also to where it led already. */
  readonly pushed: number;
  /** When it was last pulled by this name. */
  readonly pulled?: number;
}

/** A manifest that no tag leads to and no index lists. */
export interface UntaggedManifest {
  readonly digest: Digest;
  readonly size: number;
}

/**
 * Which untagged manifests are meant: those without a subject, or those whose subject is not in the repository any
 * more. One whose subject is there belongs to it.
 */
export type UntaggedKind = "lost-referrer" | "no-subject";

/** Bytes: of one repository, each blob that it shares with others included, and of all, each blob once. */
export interface Usage {
  readonly repository: number;
  readonly total: number;
}

/** Most bytes that there may be; undefined for no limit. */
export interface Quota {
  readonly repository?: number;
  readonly total?: number;
}

/** A blob that scrubbing looks at. */
export interface BlobToVerify {
  readonly digest: Digest;
  readonly key: string;
  readonly size: number;
}

/** The part of the metadata that retention, quotas and scrubbing use. */
export interface Housekeeping {
  /** Notes when manifests and tags were pulled; those that are gone meanwhile are left out. */
  notePulls(pulls: readonly Pull[]): Promise<void>;
  /** Tags of a repository, by name. */
  tagStates(repository: string, page: Page): Promise<readonly TagState[]>;
  /** Removes a tag if it is still as `state` says: not pushed, moved or pulled since. */
  expireTag(repository: string, state: TagState, announce?: Announce<boolean>): Promise<boolean>;
  /**
   * Manifests that have had no tag and no index above them since `before`, and were neither pushed nor pulled
   * since then; by digest.
   */
  untagged(
    repository: string,
    kind: UntaggedKind,
    before: number,
    page: Page,
  ): Promise<readonly UntaggedManifest[]>;
  /** Removes one of {@link Housekeeping.untagged}, if it still is one. */
  expireUntagged(
    repository: string,
    digest: Digest,
    kind: UntaggedKind,
    before: number,
    announce?: Announce<boolean>,
  ): Promise<boolean>;

  /** Bytes that are kept now. */
  usage(repository: string): Promise<Usage>;

  /** Blobs that were not verified since `before`, the longest not verified first; damaged ones are left out. */
  blobsToVerify(before: number, limit: number): Promise<readonly BlobToVerify[]>;
  /** The bytes of these keys were found right. */
  markVerified(keys: readonly string[], at: number): Promise<void>;
  /**
   * The bytes of a key were found wrong or missing. Its blob is in no repository from now on until somebody pushes it
   * again, which gives it back to all that had it. The bytes are kept until then.
   *
   * @returns the repositories that lost it; undefined when the blob has another key meanwhile, or is gone
   */
  markDamaged(digest: Digest, key: string): Promise<readonly string[] | undefined>;
}
