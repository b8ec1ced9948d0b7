import { CortenError } from "../../../spec/index.ts";
import type { Sql } from "./connection.ts";
import { transact } from "./connection.ts";

/**
 * Steps from an empty schema to today's. A step that has been released is never changed. Names are compared by their
 * bytes (`COLLATE "C"`), the order in which the API lists them.
 */
const STEPS: readonly string[] = [
  `CREATE TABLE repositories (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, name text COLLATE "C" NOT NULL UNIQUE);
   CREATE TABLE blobs (
     id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, digest text COLLATE "C" NOT NULL UNIQUE,
     key text COLLATE "C" NOT NULL UNIQUE, size bigint NOT NULL);
   CREATE TABLE members (
     repository bigint NOT NULL REFERENCES repositories, blob bigint NOT NULL REFERENCES blobs, touched bigint NOT NULL,
     PRIMARY KEY (repository, blob));
   CREATE INDEX members_by_blob ON members (blob);
   CREATE INDEX members_by_time ON members (touched);
   CREATE TABLE orphans (key text COLLATE "C" PRIMARY KEY, digest text, size bigint NOT NULL);
   CREATE TABLE documents (digest text COLLATE "C" PRIMARY KEY, bytes bytea NOT NULL);
   CREATE TABLE manifests (
     id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, repository bigint NOT NULL REFERENCES repositories,
     digest text COLLATE "C" NOT NULL, media_type text NOT NULL, size bigint NOT NULL, pushed bigint NOT NULL,
     subject text COLLATE "C", artifact_type text, annotations text, UNIQUE (repository, digest));
   CREATE INDEX manifests_by_digest ON manifests (digest);
   CREATE INDEX manifests_by_subject ON manifests (repository, subject, digest) WHERE subject IS NOT NULL;
   CREATE TABLE links (
     repository bigint NOT NULL, digest text COLLATE "C" NOT NULL, manifest bigint NOT NULL REFERENCES manifests,
     PRIMARY KEY (repository, digest, manifest));
   CREATE INDEX links_by_manifest ON links (manifest);
   CREATE TABLE tags (
     repository bigint NOT NULL REFERENCES repositories, name text COLLATE "C" NOT NULL,
     manifest bigint NOT NULL REFERENCES manifests, moved bigint NOT NULL, PRIMARY KEY (repository, name));
   CREATE INDEX tags_by_manifest ON tags (manifest);
   CREATE TABLE uploads (
     id text COLLATE "C" PRIMARY KEY, repository text COLLATE "C" NOT NULL, owner text, algorithm text NOT NULL,
     touched bigint NOT NULL, holder text, held_until bigint NOT NULL DEFAULT 0);
   CREATE INDEX uploads_by_repository ON uploads (repository);
   CREATE INDEX uploads_by_time ON uploads (touched);`,
];

/** A number that no other program is likely to lock. */
const LOCK = 0x636f7274;

/**
 * Brings the tables up to date; servers that start at the same moment wait for each other.
 *
 * @throws failed-precondition when a newer Corten has changed them
 */
export async function prepareTables(sql: Sql, schema: string): Promise<void> {
  await transact(sql, async (transaction) => {
    await transaction`SELECT pg_advisory_xact_lock(${LOCK})`;
    await transaction`CREATE SCHEMA IF NOT EXISTS ${transaction(schema)}`;
    await transaction`CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)`;
    const [row] = await transaction<[{ version: number }?]>`SELECT version FROM schema_version`;
    const version = row?.version ?? 0;
    if (version > STEPS.length) {
      throw new CortenError(
        "failed-precondition",
        `postgresql: the tables in ${schema} are of version ${version}, this Corten knows ${STEPS.length}`,
        {
          hint: "a newer Corten uses the same database: update this one",
        },
      );
    }
    for (const step of STEPS.slice(version)) await transaction.unsafe(step);
    if (row === undefined) await transaction`INSERT INTO schema_version VALUES (${STEPS.length})`;
    else await transaction`UPDATE schema_version SET version = ${STEPS.length}`;
  });
}
