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
  // As in the second step of sqlite/tables.ts. The sum of all is in several rows, one a connection, so that pushes do
  // not wait for each other at one; each is locked after everything else.
  `ALTER TABLE manifests ADD COLUMN pulled bigint, ADD COLUMN released bigint NOT NULL DEFAULT 0;
   ALTER TABLE tags ADD COLUMN pulled bigint;
   ALTER TABLE blobs ADD COLUMN verified bigint NOT NULL DEFAULT 0, ADD COLUMN damaged boolean NOT NULL DEFAULT false;
   CREATE INDEX blobs_to_verify ON blobs (verified) WHERE NOT damaged;
   ALTER TABLE repositories ADD COLUMN bytes bigint NOT NULL DEFAULT 0;
   CREATE TABLE usage (shard integer PRIMARY KEY, bytes bigint NOT NULL);
   INSERT INTO usage SELECT shard, 0 FROM generate_series(0, 31) AS shard;
   UPDATE usage SET bytes = (SELECT coalesce(sum(size), 0) FROM blobs)
     + (SELECT coalesce(sum(length(bytes)), 0) FROM documents) WHERE shard = 0;
   UPDATE repositories r SET bytes =
     (SELECT coalesce(sum(b.size), 0) FROM members m JOIN blobs b ON b.id = m.blob WHERE m.repository = r.id)
     + (SELECT coalesce(sum(size), 0) FROM manifests WHERE repository = r.id);
   CREATE FUNCTION release_manifest() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     UPDATE manifests SET released = extract(epoch FROM clock_timestamp()) * 1000 WHERE id = OLD.manifest;
     RETURN NULL; END $$;
   CREATE TRIGGER tag_moved AFTER UPDATE OF manifest ON tags FOR EACH ROW WHEN (OLD.manifest <> NEW.manifest)
     EXECUTE FUNCTION release_manifest();
   CREATE TRIGGER tag_removed AFTER DELETE ON tags FOR EACH ROW EXECUTE FUNCTION release_manifest();
   CREATE FUNCTION release_linked() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     UPDATE manifests SET released = extract(epoch FROM clock_timestamp()) * 1000
     WHERE repository = OLD.repository AND digest = OLD.digest;
     RETURN NULL; END $$;
   CREATE TRIGGER link_removed AFTER DELETE ON links FOR EACH ROW EXECUTE FUNCTION release_linked();
   CREATE FUNCTION count_blob() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     UPDATE usage SET bytes = bytes + CASE TG_OP WHEN 'INSERT' THEN NEW.size ELSE -OLD.size END
     WHERE shard = pg_backend_pid() % 32;
     RETURN NULL; END $$;
   CREATE TRIGGER blob_counted AFTER INSERT OR DELETE ON blobs FOR EACH ROW EXECUTE FUNCTION count_blob();
   CREATE FUNCTION count_document() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     UPDATE usage SET bytes = bytes + CASE TG_OP WHEN 'INSERT' THEN length(NEW.bytes) ELSE -length(OLD.bytes) END
     WHERE shard = pg_backend_pid() % 32;
     RETURN NULL; END $$;
   CREATE TRIGGER document_counted AFTER INSERT OR DELETE ON documents FOR EACH ROW EXECUTE FUNCTION count_document();
   CREATE FUNCTION count_member() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     IF TG_OP = 'INSERT' THEN
       UPDATE repositories SET bytes = bytes + (SELECT size FROM blobs WHERE id = NEW.blob) WHERE id = NEW.repository;
     ELSE
       UPDATE repositories SET bytes = bytes - (SELECT size FROM blobs WHERE id = OLD.blob) WHERE id = OLD.repository;
     END IF;
     RETURN NULL; END $$;
   CREATE TRIGGER member_counted AFTER INSERT OR DELETE ON members FOR EACH ROW EXECUTE FUNCTION count_member();
   CREATE FUNCTION count_manifest() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     IF TG_OP = 'INSERT' THEN
       UPDATE repositories SET bytes = bytes + NEW.size WHERE id = NEW.repository;
     ELSE
       UPDATE repositories SET bytes = bytes - OLD.size WHERE id = OLD.repository;
     END IF;
     RETURN NULL; END $$;
   CREATE TRIGGER manifest_counted AFTER INSERT OR DELETE ON manifests FOR EACH ROW EXECUTE FUNCTION count_manifest();`,
  // Events for webhooks.
  `CREATE TABLE events (
     id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, receiver text COLLATE "C" NOT NULL,
     repository text COLLATE "C" NOT NULL, body text NOT NULL, queued bigint NOT NULL, attempts bigint NOT NULL DEFAULT 0,
     due bigint NOT NULL DEFAULT 0, holder text, held_until bigint NOT NULL DEFAULT 0, dead boolean NOT NULL DEFAULT false,
     failure text);
   CREATE INDEX events_waiting ON events (receiver, repository, id) WHERE NOT dead;
   CREATE INDEX events_by_receiver ON events (receiver, dead, id);
   CREATE INDEX events_held ON events (holder) WHERE holder IS NOT NULL;`,
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
