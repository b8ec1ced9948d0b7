import type { Database } from "../../../content/index.ts";
import type { Digest } from "../../../spec/index.ts";
import { CortenError } from "../../../spec/index.ts";
import type { StoredBlob } from "../../storage/blob-storage.ts";
import { DocumentCache } from "../document-cache.ts";
import type { Announce } from "../event-queue.ts";
import type { Pull, TagState, UntaggedKind } from "../housekeeping.ts";
import type {
  AddBlobOptions,
  DroppedBlob,
  Metadata,
  NewManifest,
  Page,
  PutManifestOptions,
  PutManifestResult,
  StoredManifest,
  TagRefusal,
  UploadRecord,
} from "../metadata.ts";
import { addBlob, findBlob, mountBlob, removeBlob, repositoriesOf, touchBlob } from "./blobs.ts";
import { dropUnreferenced, forgetOrphans, isUnknown, listOrphans } from "./collection.ts";
import { queueEvents, SqliteEvents } from "./events.ts";
import { listReferrers, listRepositories, listTags } from "./lists.ts";
import { LogSync } from "./log-sync.ts";
import { documentBytes, findManifest, putManifest, removeManifest, removeTag } from "./manifests.ts";
import { expireTag, expireUntagged, listTagStates, listUntagged, notePulls } from "./retention.ts";
import { blobsToVerify, markDamaged, markVerified } from "./scrubbing.ts";
import {
  beginUpload,
  claimUpload,
  countUploads,
  endUpload,
  expireUploads,
  findUpload,
  releaseUpload,
} from "./uploads.ts";
import { findUsage } from "./usage.ts";

/** Bytes of manifests kept in memory. */
const CACHE_SIZE = 64 * 1024 * 1024;

/**
 * Metadata in SQLite: a file that several processes of one host use, or memory. Statements take
 * microseconds and run on the event loop; only waiting for the disk is asynchronous.
 */
export class SqliteMetadata implements Metadata {
  readonly events: SqliteEvents;
  readonly #database: Database;
  readonly #log: LogSync | undefined;
  readonly #onChange: () => void;
  readonly #documents = new DocumentCache(CACHE_SIZE);

  /**
   * @param database with the tables of `registrySchema`; it is closed with this object
   * @param onChange called after each change of blobs, manifests or tags
   */
  constructor(database: Database, onChange: () => void = () => undefined) {
    this.#database = database;
    this.events = new SqliteEvents(database);
    this.#onChange = onChange;
    this.#log = database.root === "" ? undefined : new LogSync(database);
  }

  async blob(repository: string, digest: Digest) {
    return findBlob(this.#database, repository, digest);
  }

  addBlob(
    repository: string,
    digest: Digest,
    stored: StoredBlob,
    upload?: string,
    { quota, announce }: AddBlobOptions<StoredBlob> = {},
  ) {
    return this.#durably(() => addBlob(this.#database, repository, digest, stored, upload, quota), announce);
  }

  mountBlob(
    repository: string,
    digest: Digest,
    from: string,
    { quota, announce }: AddBlobOptions<boolean> = {},
  ) {
    return this.#durably(() => mountBlob(this.#database, repository, digest, from, quota), announce);
  }

  async repositoriesOf(digest: Digest, page: Page) {
    return repositoriesOf(this.#database, digest, page);
  }

  async touchBlob(repository: string, digest: Digest) {
    return this.#change(() => touchBlob(this.#database, repository, digest));
  }

  removeBlob(
    repository: string,
    digest: Digest,
    mayLose?: (tag: string) => boolean,
    announce?: Announce<boolean | TagRefusal>,
  ) {
    return this.#durably(() => removeBlob(this.#database, repository, digest, mayLose), announce);
  }

  async manifest(repository: string, reference: string) {
    return findManifest(this.#database, repository, reference);
  }

  async readManifest(repository: string, reference: string): Promise<StoredManifest | undefined> {
    const record = findManifest(this.#database, repository, reference);
    if (record === undefined) return undefined;
    let bytes = this.#documents.get(record.digest);
    if (bytes === undefined) {
      bytes = documentBytes(this.#database, record.digest);
      if (bytes === undefined) {
        // Between the two statements another process may have removed the manifest.
        if (findManifest(this.#database, repository, record.digest) === undefined) return undefined;
        throw new CortenError("data-loss", `the bytes of manifest ${record.digest} are missing`);
      }
      this.#documents.set(record.digest, bytes);
    }
    return { ...record, bytes };
  }

  putManifest(repository: string, manifest: NewManifest, options: PutManifestOptions) {
    return this.#durably<PutManifestResult>(
      () => putManifest(this.#database, repository, manifest, options),
      options.announce,
    );
  }

  removeManifest(
    repository: string,
    digest: Digest,
    mayLose?: (tag: string) => boolean,
    announce?: Announce<readonly string[] | TagRefusal | undefined>,
  ) {
    return this.#durably(() => removeManifest(this.#database, repository, digest, mayLose), announce);
  }

  removeTag(repository: string, tag: string, announce?: Announce<Digest | undefined>) {
    return this.#durably(() => removeTag(this.#database, repository, tag), announce);
  }

  async tags(repository: string, page: Page) {
    return listTags(this.#database, repository, page);
  }

  async repositories(page: Page) {
    return listRepositories(this.#database, page);
  }

  async referrers(repository: string, subject: Digest, page: Page & { readonly artifactType?: string }) {
    return listReferrers(this.#database, repository, subject, page);
  }

  async beginUpload(upload: UploadRecord) {
    this.#change(() => beginUpload(this.#database, upload));
  }

  async upload(repository: string, id: string) {
    return findUpload(this.#database, repository, id);
  }

  async claimUpload(
    repository: string,
    id: string,
    claim: { readonly holder: string; readonly until: number },
  ) {
    return this.#change(() => claimUpload(this.#database, repository, id, claim));
  }

  async releaseUpload(id: string, holder: string) {
    this.#change(() => releaseUpload(this.#database, id, holder));
  }

  async endUpload(id: string) {
    return this.#change(() => endUpload(this.#database, id));
  }

  async expireUploads(before: number, limit: number) {
    return this.#change(() => expireUploads(this.#database, before, limit));
  }

  async countUploads(repository?: string) {
    return countUploads(this.#database, repository);
  }

  dropUnreferenced(before: number, limit: number, announce?: Announce<readonly DroppedBlob[]>) {
    return this.#durably(() => dropUnreferenced(this.#database, before, limit), announce);
  }

  async orphans(limit: number) {
    // A blob whose removal a power cut would undo keeps its bytes.
    await this.#log?.settled();
    return listOrphans(this.#database, limit);
  }

  async forgetOrphans(keys: readonly string[]) {
    this.#change(() => forgetOrphans(this.#database, keys));
  }

  async isUnknown(key: string) {
    return isUnknown(this.#database, key);
  }

  async notePulls(pulls: readonly Pull[]) {
    this.#change(() => notePulls(this.#database, pulls));
  }

  async tagStates(repository: string, page: Page) {
    return listTagStates(this.#database, repository, page);
  }

  expireTag(repository: string, state: TagState, announce?: Announce<boolean>) {
    return this.#durably(() => expireTag(this.#database, repository, state), announce);
  }

  async untagged(repository: string, kind: UntaggedKind, before: number, page: Page) {
    return listUntagged(this.#database, repository, kind, before, page);
  }

  expireUntagged(
    repository: string,
    digest: Digest,
    kind: UntaggedKind,
    before: number,
    announce?: Announce<boolean>,
  ) {
    return this.#durably(() => expireUntagged(this.#database, repository, digest, kind, before), announce);
  }

  async usage(repository: string) {
    return findUsage(this.#database, repository);
  }

  async blobsToVerify(before: number, limit: number) {
    return blobsToVerify(this.#database, before, limit);
  }

  async markVerified(keys: readonly string[], at: number) {
    this.#change(() => markVerified(this.#database, keys, at));
  }

  markDamaged(digest: Digest, key: string) {
    return this.#durably(() => markDamaged(this.#database, digest, key));
  }

  async check() {
    this.#database.get("SELECT 1 FROM repositories");
  }

  async [Symbol.asyncDispose]() {
    await this.#log?.settled();
    this.#log?.close();
    this.#database.close();
  }

  #change<T>(action: () => T): T {
    return this.#database.transaction(action);
  }

  /** A change that the caller may rely on after a power cut, with the events that tell of it. */
  async #durably<T>(action: () => T, announce?: Announce<T>): Promise<T> {
    const result = this.#database.transaction(() => {
      const done = action();
      if (announce !== undefined) queueEvents(this.#database, announce(done));
      return done;
    });
    this.#onChange();
    await this.#log?.settled();
    return result;
  }
}
