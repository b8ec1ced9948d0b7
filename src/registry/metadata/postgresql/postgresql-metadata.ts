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
import {
  connect,
  DEFAULT_SCHEMA,
  type PostgresqlOptions,
  query,
  type Sql,
  type Transaction,
  transact,
} from "./connection.ts";
import { PostgresqlEvents, queueEvents } from "./events.ts";
import { listReferrers, listRepositories, listTags } from "./lists.ts";
import { documentBytes, findManifest, putManifest, removeManifest, removeTag } from "./manifests.ts";
import { expireTag, expireUntagged, listTagStates, listUntagged, notePulls } from "./retention.ts";
import { blobsToVerify, markDamaged, markVerified } from "./scrubbing.ts";
import { prepareTables } from "./tables.ts";
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

/** Ends a transaction without its changes, with a result all the same. */
class Undone<T> {
  readonly result: T;
  constructor(result: T) {
    this.result = result;
  }
}

/** Metadata in PostgreSQL, for servers that share one object storage. */
export class PostgresqlMetadata implements Metadata {
  readonly events: PostgresqlEvents;
  readonly #sql: Sql;
  readonly #documents = new DocumentCache(CACHE_SIZE);

  /** @param sql a pool whose database has today's tables; it is ended with this object */
  constructor(sql: Sql) {
    this.#sql = sql;
    this.events = new PostgresqlEvents(sql);
  }

  blob(repository: string, digest: Digest) {
    return query(findBlob(this.#sql, repository, digest));
  }

  addBlob(
    repository: string,
    digest: Digest,
    stored: StoredBlob,
    upload?: string,
    { quota, announce }: AddBlobOptions<StoredBlob> = {},
  ) {
    const add = (transaction: Transaction) => addBlob(transaction, repository, digest, stored, upload, quota);
    return this.#announcing(add, announce);
  }

  async mountBlob(
    repository: string,
    digest: Digest,
    from: string,
    { quota, announce }: AddBlobOptions<boolean> = {},
  ) {
    const mount = (transaction: Transaction) => mountBlob(transaction, repository, digest, from, quota);
    return this.#undoUnless((mounted) => mounted, mount, announce);
  }

  repositoriesOf(digest: Digest, page: Page) {
    return query(repositoriesOf(this.#sql, digest, page));
  }

  touchBlob(repository: string, digest: Digest) {
    return query(touchBlob(this.#sql, repository, digest));
  }

  removeBlob(
    repository: string,
    digest: Digest,
    mayLose?: (tag: string) => boolean,
    announce?: Announce<boolean | TagRefusal>,
  ) {
    const remove = (transaction: Transaction) => removeBlob(transaction, repository, digest, mayLose);
    return this.#announcing(remove, announce);
  }

  manifest(repository: string, reference: string) {
    return query(findManifest(this.#sql, repository, reference));
  }

  async readManifest(repository: string, reference: string): Promise<StoredManifest | undefined> {
    const record = await this.manifest(repository, reference);
    if (record === undefined) return undefined;
    let bytes = this.#documents.get(record.digest);
    if (bytes === undefined) {
      bytes = await query(documentBytes(this.#sql, record.digest));
      if (bytes === undefined) {
        // Between the two statements another server may have removed the manifest.
        if ((await this.manifest(repository, record.digest)) === undefined) return undefined;
        throw new CortenError("data-loss", `the bytes of manifest ${record.digest} are missing`);
      }
      this.#documents.set(record.digest, bytes);
    }
    return { ...record, bytes };
  }

  putManifest(repository: string, manifest: NewManifest, options: PutManifestOptions) {
    const put = (transaction: Transaction) => putManifest(transaction, repository, manifest, options);
    return this.#undoUnless<PutManifestResult>(({ outcome }) => outcome === "stored", put, options.announce);
  }

  removeManifest(
    repository: string,
    digest: Digest,
    mayLose?: (tag: string) => boolean,
    announce?: Announce<readonly string[] | TagRefusal | undefined>,
  ) {
    const remove = (transaction: Transaction) => removeManifest(transaction, repository, digest, mayLose);
    return this.#announcing(remove, announce);
  }

  removeTag(repository: string, tag: string, announce?: Announce<Digest | undefined>) {
    return this.#announcing((transaction) => removeTag(transaction, repository, tag), announce);
  }

  tags(repository: string, page: Page) {
    return query(listTags(this.#sql, repository, page));
  }

  repositories(page: Page) {
    return query(listRepositories(this.#sql, page));
  }

  referrers(repository: string, subject: Digest, page: Page & { readonly artifactType?: string }) {
    return query(listReferrers(this.#sql, repository, subject, page));
  }

  beginUpload(upload: UploadRecord) {
    return query(beginUpload(this.#sql, upload));
  }

  upload(repository: string, id: string) {
    return query(findUpload(this.#sql, repository, id));
  }

  claimUpload(repository: string, id: string, claim: { readonly holder: string; readonly until: number }) {
    return query(claimUpload(this.#sql, repository, id, claim));
  }

  releaseUpload(id: string, holder: string) {
    return query(releaseUpload(this.#sql, id, holder));
  }

  endUpload(id: string) {
    return query(endUpload(this.#sql, id));
  }

  expireUploads(before: number, limit: number) {
    return query(expireUploads(this.#sql, before, limit));
  }

  countUploads(repository?: string) {
    return query(countUploads(this.#sql, repository));
  }

  dropUnreferenced(before: number, limit: number, announce?: Announce<readonly DroppedBlob[]>) {
    return this.#announcing((transaction) => dropUnreferenced(transaction, before, limit), announce);
  }

  orphans(limit: number) {
    return query(listOrphans(this.#sql, limit));
  }

  forgetOrphans(keys: readonly string[]) {
    return query(forgetOrphans(this.#sql, keys));
  }

  isUnknown(key: string) {
    return query(isUnknown(this.#sql, key));
  }

  notePulls(pulls: readonly Pull[]) {
    return transact(this.#sql, (transaction) => notePulls(transaction, pulls));
  }

  tagStates(repository: string, page: Page) {
    return query(listTagStates(this.#sql, repository, page));
  }

  expireTag(repository: string, state: TagState, announce?: Announce<boolean>) {
    return this.#announcing((transaction) => expireTag(transaction, repository, state), announce);
  }

  untagged(repository: string, kind: UntaggedKind, before: number, page: Page) {
    return query(listUntagged(this.#sql, repository, kind, before, page));
  }

  expireUntagged(
    repository: string,
    digest: Digest,
    kind: UntaggedKind,
    before: number,
    announce?: Announce<boolean>,
  ) {
    const expire = (transaction: Transaction) =>
      expireUntagged(transaction, repository, digest, kind, before);
    return this.#announcing(expire, announce);
  }

  usage(repository: string) {
    return query(findUsage(this.#sql, repository));
  }

  blobsToVerify(before: number, limit: number) {
    return query(blobsToVerify(this.#sql, before, limit));
  }

  markVerified(keys: readonly string[], at: number) {
    return query(markVerified(this.#sql, keys, at));
  }

  markDamaged(digest: Digest, key: string) {
    return transact(this.#sql, (transaction) => markDamaged(transaction, digest, key));
  }

  async check() {
    await query(this.#sql`SELECT 1 FROM repositories LIMIT 1`);
  }

  async [Symbol.asyncDispose]() {
    await this.#sql.end({ timeout: 5 });
  }

  /** A transaction, with the events that tell of it. */
  #announcing<T>(
    action: (transaction: Transaction) => Promise<T>,
    announce: Announce<T> | undefined,
  ): Promise<T> {
    return transact(this.#sql, async (transaction) => {
      const result = await action(transaction);
      // At the end: the repository is locked by now, so that its events are in the order of its changes.
      if (announce !== undefined) await queueEvents(transaction, announce(result));
      return result;
    });
  }

  async #undoUnless<T>(
    kept: (result: T) => boolean,
    action: (transaction: Transaction) => Promise<T>,
    announce: Announce<T> | undefined,
  ): Promise<T> {
    try {
      return await this.#announcing(async (transaction) => {
        const result = await action(transaction);
        if (!kept(result)) throw new Undone(result);
        return result;
      }, announce);
    } catch (error) {
      if (error instanceof Undone) return error.result as T;
      throw error;
    }
  }
}

/**
 * Connects to a database and brings its tables up to date.
 *
 * @throws invalid-argument for an option that is wrong; unavailable when the database cannot be reached;
 *   failed-precondition when a newer Corten has changed the tables
 */
export async function openPostgresqlMetadata(options: PostgresqlOptions): Promise<Metadata> {
  const sql = connect(options);
  try {
    await prepareTables(sql, options.schema ?? DEFAULT_SCHEMA);
  } catch (error) {
    await sql.end({ timeout: 1 });
    throw error;
  }
  return new PostgresqlMetadata(sql);
}
