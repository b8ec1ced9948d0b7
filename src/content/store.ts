import { join } from "node:path";
import type { Descriptor, Digest, DigestAlgorithm } from "../spec/index.ts";
import { splitDigest } from "../spec/index.ts";
import type { OpenOptions, ReadOptions } from "./blobs.ts";
import { Blobs } from "./blobs.ts";
import { Claim } from "./claim.ts";
import type { Collected, CollectOptions } from "./collect.ts";
import { collect, leasedContent } from "./collect.ts";
import type { Database } from "./database.ts";
import { openDatabase } from "./database.ts";
import type { Root } from "./graph.ts";
import { Ingest } from "./ingest.ts";
import { Layout } from "./layout.ts";
import { contentDirectory } from "./layout-reading.ts";
import type { LeaseOptions } from "./lease.ts";
import { Lease, releaseLease } from "./lease.ts";
import { Names } from "./names.ts";
import { Referrers } from "./referrers.ts";
import { Replacements } from "./replaced.ts";
import type { Schema } from "./schema.ts";
import { contentSchema } from "./tables.ts";
import type { ContentUsage } from "./usage.ts";

/** Options of everything that brings content in. */
export interface IngestOptions {
  /** Keeps the content from being collected before a name leads to it. */
  readonly lease: Lease;
  readonly signal?: AbortSignal;
}

/** The content of one data root: blobs, the names that lead to them, leases. */
export class Store implements Disposable {
  /** The data root, e.g. `/var/lib/corten`. */
  readonly root: string;
  /** `<root>/content`: an OCI image layout. */
  readonly directory: string;
  readonly database: Database;
  readonly names: Names;
  readonly referrers: Referrers;
  /** Packed layers that are here unpacked only. */
  readonly replacements: Replacements;
  readonly #blobs: Blobs;
  readonly #layout: Layout;

  constructor(root: string, schemas: readonly Schema[] = []) {
    this.root = root;
    this.directory = contentDirectory(root);
    this.database = openDatabase(root, [contentSchema, ...schemas]);
    this.#blobs = new Blobs(this.directory);
    this.replacements = new Replacements(this.database, this.#blobs);
    const changed = () => this.#layout.write();
    const has = (descriptor: Descriptor) => this.has(descriptor);
    this.names = new Names(this.database, has, changed);
    this.referrers = new Referrers(this.database, has, changed);
    this.#layout = new Layout(this.directory, this.database, this);
    try {
      this.#layout.open();
    } catch (error) {
      this.database.close();
      throw error;
    }
  }

  /** True when the blob is there, whole. Meaningful for content that a name or a lease holds. */
  has(descriptor: Descriptor): boolean {
    return this.#blobs.has(descriptor);
  }

  /** The size of a blob in bytes; undefined when it is not there. */
  size(digest: Digest): number | undefined {
    return this.#blobs.size(digest);
  }

  /** The file of a blob, e.g. to mount it. */
  path(digest: Digest): string {
    return this.#blobs.path(digest);
  }

  /** The bytes of a blob from `offset` on. @see Blobs.open */
  open(descriptor: Descriptor, options?: OpenOptions): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#blobs.open(descriptor, options);
  }

  /** A whole blob, verified by default. @see Blobs.read */
  read(descriptor: Descriptor, options?: ReadOptions): Promise<Uint8Array> {
    return this.#blobs.read(descriptor, options);
  }

  /** Removes a blob that was found damaged, so that it is fetched again. */
  discard(digest: Digest): void {
    this.#blobs.discard(digest);
  }

  /** Hashes a blob again, and says what is wrong with it; undefined when nothing is, or it is gone meanwhile. */
  async examine(digest: Digest, signal?: AbortSignal): Promise<string | undefined> {
    const { examineBlob } = await import("./quarantine.ts");
    return examineBlob(this.#blobs, digest, signal);
  }

  /**
   * Puts a damaged blob aside, below `<root>/quarantine`, so that it is fetched again; returns where it is now, undefined
   * when it was gone already.
   */
  async quarantine(digest: Digest): Promise<string | undefined> {
    const { quarantineBlob } = await import("./quarantine.ts");
    return quarantineBlob(this.root, this.#blobs, digest);
  }

  /** Takes a lease. @see Lease */
  lease(options?: LeaseOptions): Lease {
    return new Lease(this.database, options);
  }

  /** Ends a lease by its id. */
  releaseLease(id: string): void {
    releaseLease(this.database, id);
  }

  /**
   * Begins to bring a blob in, or returns undefined when the store has it, or what it may have instead. While another task or
   * process brings in the same blob this waits: for the finished blob, or to go on where that one
   * failed.
   *
   * @throws unimplemented when the digest's algorithm cannot be verified
   */
  async ingest(
    descriptor: Descriptor,
    options: IngestOptions & { readonly orReplacement?: boolean },
  ): Promise<Ingest | undefined> {
    const { lease, signal, orReplacement = false } = options;
    const finalPath = this.path(descriptor.digest);
    lease.add(descriptor);
    const partial = splitDigest(descriptor.digest).join("-");
    const settled = () =>
      this.has(descriptor) || (orReplacement && this.replacements.of(descriptor) !== undefined);
    const claim = await Claim.take(this.database, partial, settled, signal);
    if (claim === undefined) return undefined;
    try {
      const partialPath = join(this.directory, "ingest", partial);
      return await Ingest.open(descriptor, { partialPath, finalPath, claim, lease });
    } catch (error) {
      claim.release();
      throw error;
    }
  }

  /** Brings in a small blob that is in memory, such as a manifest. */
  async put(descriptor: Descriptor, bytes: Uint8Array, options: IngestOptions): Promise<void> {
    for (;;) {
      await using ingest = await this.ingest(descriptor, options);
      if (ingest === undefined) return;
      if (ingest.offset > 0) {
        // A killed process left a beginning, right or wrong: writing it all again is as quick as looking.
        await ingest.discard();
        continue;
      }
      await ingest.write(bytes);
      await ingest.commit();
      return;
    }
  }

  /**
   * Brings in content whose digest is not known before its end, such as a layer being made.
   *
   * @returns its descriptor
   */
  async putStream(
    mediaType: string,
    content: AsyncIterable<Uint8Array>,
    options: IngestOptions & { readonly algorithm?: DigestAlgorithm },
  ): Promise<Descriptor> {
    const { ingestStream } = await import("./ingest-stream.ts");
    return ingestStream(this, mediaType, content, options);
  }

  /** Removes what neither a name nor a lease leads to. @see collect */
  collect(options?: CollectOptions): Promise<Collected> {
    const { database, directory } = this;
    return collect({ database, directory, blobs: this.#blobs, changed: () => this.#layout.write() }, options);
  }

  /** What the content takes on disk. */
  async usage(): Promise<ContentUsage> {
    const { contentUsage } = await import("./usage.ts");
    return contentUsage(this.directory, this.#blobs);
  }

  /** The digests of all that an index or manifest leads to, itself among them; what is not here, too. */
  async reachableFrom(root: Root): Promise<ReadonlySet<Digest>> {
    const { reachableFrom } = await import("./usage.ts");
    return reachableFrom(this.database, this.#blobs, root);
  }

  /** What leases hold that no name needs to lead to. */
  leased(): readonly Root[] {
    return leasedContent(this.database);
  }

  close(): void {
    this.database.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Opens the store under `root`, creating it where missing, and repairs what a killed process left
 * half done. Directories are 0700.
 *
 * @param root absolute path, e.g. `/var/lib/corten`; choosing it is the caller's
 * @param schemas tables of other rooms to bring up to date in the same database
 */
export function openStore(root: string, schemas: readonly Schema[] = []): Store {
  return new Store(root, schemas);
}
