/**
 * Content-addressed storage: a blob is stored under the digest of its bytes, so equal content is
 * stored once, and who reads it knows that it is what was asked for.
 *
 * A blob comes in through an *ingest*, which can be interrupted and gone on with, and appears only
 * when its digest is right. *Names* lead to indexes and manifests, these to configurations and
 * layers; what nothing leads to is *collected*. A *lease* keeps content that nothing leads to yet.
 * The content directory is an OCI image layout, so other tools can read it (not write: what they add
 * has no name here and is collected). Names, leases and the tables of other rooms are in one SQLite
 * database, which several processes use at once; each step survives SIGKILL and power cuts.
 */

export type { OpenOptions, ReadOptions } from "./blobs.ts";
export { Claim } from "./claim.ts";
export type { Collected, CollectOptions } from "./collect.ts";
export type { ContentHash } from "./content-hash.ts";
export { openHash } from "./content-hash.ts";
export type { Database, SqlValue, TransactionOptions } from "./database.ts";
export { openDatabase, openMemoryDatabase } from "./database.ts";
export type { Root } from "./graph.ts";
export type { Ingest } from "./ingest.ts";
export type { Lease, LeaseOptions } from "./lease.ts";
export type { NamedContent, Names } from "./names.ts";
export { bootID } from "./owner.ts";
export { PartialFile } from "./partial-file.ts";
export type { Referrers, StoredReferrer } from "./referrers.ts";
export type { Replacement, Replacements } from "./replaced.ts";
export type { Schema, SchemaStep } from "./schema.ts";
export { defineSchema } from "./schema.ts";
export type { IngestOptions, Store } from "./store.ts";
export { openStore } from "./store.ts";
export type { ContentUsage } from "./usage.ts";
