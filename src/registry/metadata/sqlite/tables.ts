import { defineSchema } from "../../../content/index.ts";

/**
 * The tables of a registry. `repositories.revision` counts the changes that a repository's OCI layout
 * shows, `exported` is the revision that it shows (storage/filesystem). Bytes of manifests stand apart in
 * `documents`, so that lists read small rows only. `links` is what a manifest references. `layout_claim` is
 * the one process that writes layouts, `layout_boot` the boot of the host in which they were written.
 */
export const registrySchema = defineSchema("registry", [
  `CREATE TABLE repositories (
     id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
     revision INTEGER NOT NULL DEFAULT 0, exported INTEGER NOT NULL DEFAULT 0) STRICT;
   CREATE INDEX repositories_to_export ON repositories (id) WHERE revision <> exported;
   CREATE TABLE removed_repositories (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
   CREATE TRIGGER repository_removed AFTER DELETE ON repositories
     BEGIN INSERT OR IGNORE INTO removed_repositories VALUES (OLD.name); END;
   CREATE TABLE layout_claim (one INTEGER PRIMARY KEY CHECK (one = 1), holder TEXT NOT NULL, until INTEGER NOT NULL) STRICT;
   CREATE TABLE blobs (
     id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, key TEXT NOT NULL UNIQUE, size INTEGER NOT NULL) STRICT;
   CREATE TABLE members (
     repository INTEGER NOT NULL REFERENCES repositories (id), blob INTEGER NOT NULL REFERENCES blobs (id),
     touched INTEGER NOT NULL, PRIMARY KEY (repository, blob)) STRICT, WITHOUT ROWID;
   CREATE INDEX members_by_blob ON members (blob);
   CREATE INDEX members_by_time ON members (touched);
   CREATE TABLE orphans (key TEXT PRIMARY KEY, digest TEXT, size INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE documents (digest TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
   CREATE TABLE manifests (
     id INTEGER PRIMARY KEY, repository INTEGER NOT NULL REFERENCES repositories (id), digest TEXT NOT NULL,
     media_type TEXT NOT NULL, size INTEGER NOT NULL, pushed INTEGER NOT NULL,
     subject TEXT, artifact_type TEXT, annotations TEXT, UNIQUE (repository, digest)) STRICT;
   CREATE INDEX manifests_by_digest ON manifests (digest);
   CREATE INDEX manifests_by_subject ON manifests (repository, subject, digest) WHERE subject IS NOT NULL;
   CREATE TABLE links (
     repository INTEGER NOT NULL, digest TEXT NOT NULL, manifest INTEGER NOT NULL REFERENCES manifests (id),
     PRIMARY KEY (repository, digest, manifest)) STRICT, WITHOUT ROWID;
   CREATE INDEX links_by_manifest ON links (manifest);
   CREATE TABLE tags (
     repository INTEGER NOT NULL REFERENCES repositories (id), name TEXT NOT NULL,
     manifest INTEGER NOT NULL REFERENCES manifests (id), moved INTEGER NOT NULL,
     PRIMARY KEY (repository, name)) STRICT, WITHOUT ROWID;
   CREATE INDEX tags_by_manifest ON tags (manifest);
   CREATE TABLE uploads (
     id TEXT PRIMARY KEY, repository TEXT NOT NULL, owner TEXT, algorithm TEXT NOT NULL, touched INTEGER NOT NULL,
     holder TEXT, held_until INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
   CREATE INDEX uploads_by_repository ON uploads (repository);
   CREATE INDEX uploads_by_time ON uploads (touched);`,
  // Retention: when things were pulled, and when a manifest last lost a tag or an index. Scrubbing: when a blob was
  // verified, and whether it was found damaged. Quotas: sums, kept by triggers so that no way to change rows forgets them.
  `ALTER TABLE manifests ADD COLUMN pulled INTEGER;
   ALTER TABLE manifests ADD COLUMN released INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE tags ADD COLUMN pulled INTEGER;
   CREATE TRIGGER tag_moved AFTER UPDATE OF manifest ON tags WHEN OLD.manifest <> NEW.manifest BEGIN
     UPDATE manifests SET released = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) WHERE id = OLD.manifest; END;
   CREATE TRIGGER tag_removed AFTER DELETE ON tags BEGIN
     UPDATE manifests SET released = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) WHERE id = OLD.manifest; END;
   CREATE TRIGGER link_removed AFTER DELETE ON links BEGIN
     UPDATE manifests SET released = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
     WHERE repository = OLD.repository AND digest = OLD.digest; END;
   ALTER TABLE blobs ADD COLUMN verified INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE blobs ADD COLUMN damaged INTEGER NOT NULL DEFAULT 0;
   CREATE INDEX blobs_to_verify ON blobs (verified) WHERE damaged = 0;
   ALTER TABLE repositories ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
   CREATE TABLE usage (one INTEGER PRIMARY KEY CHECK (one = 1), bytes INTEGER NOT NULL) STRICT;
   INSERT INTO usage SELECT 1, (SELECT ifnull(sum(size), 0) FROM blobs) + (SELECT ifnull(sum(length(bytes)), 0) FROM documents);
   UPDATE repositories SET bytes =
     (SELECT ifnull(sum(b.size), 0) FROM members m JOIN blobs b ON b.id = m.blob WHERE m.repository = repositories.id)
     + (SELECT ifnull(sum(size), 0) FROM manifests WHERE repository = repositories.id);
   CREATE TRIGGER blob_added AFTER INSERT ON blobs BEGIN UPDATE usage SET bytes = bytes + NEW.size; END;
   CREATE TRIGGER blob_removed AFTER DELETE ON blobs BEGIN UPDATE usage SET bytes = bytes - OLD.size; END;
   CREATE TRIGGER document_added AFTER INSERT ON documents BEGIN
     UPDATE usage SET bytes = bytes + length(NEW.bytes); END;
   CREATE TRIGGER document_removed AFTER DELETE ON documents BEGIN
     UPDATE usage SET bytes = bytes - length(OLD.bytes); END;
   CREATE TRIGGER member_added AFTER INSERT ON members BEGIN
     UPDATE repositories SET bytes = bytes + (SELECT size FROM blobs WHERE id = NEW.blob) WHERE id = NEW.repository; END;
   CREATE TRIGGER member_removed AFTER DELETE ON members BEGIN
     UPDATE repositories SET bytes = bytes - (SELECT size FROM blobs WHERE id = OLD.blob) WHERE id = OLD.repository; END;
   CREATE TRIGGER manifest_added AFTER INSERT ON manifests BEGIN
     UPDATE repositories SET bytes = bytes + NEW.size WHERE id = NEW.repository; END;
   CREATE TRIGGER manifest_removed AFTER DELETE ON manifests BEGIN
     UPDATE repositories SET bytes = bytes - OLD.size WHERE id = OLD.repository; END;`,
  "CREATE TABLE layout_boot (one INTEGER PRIMARY KEY CHECK (one = 1), boot TEXT NOT NULL) STRICT",
  // Events for webhooks. An id is never used again, so that what settles late settles nothing else.
  `CREATE TABLE events (
     id INTEGER PRIMARY KEY AUTOINCREMENT, receiver TEXT NOT NULL, repository TEXT NOT NULL, body TEXT NOT NULL,
     queued INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, due INTEGER NOT NULL DEFAULT 0,
     holder TEXT, held_until INTEGER NOT NULL DEFAULT 0, dead INTEGER NOT NULL DEFAULT 0, failure TEXT) STRICT;
   CREATE INDEX events_waiting ON events (receiver, repository, id) WHERE dead = 0;
   CREATE INDEX events_by_receiver ON events (receiver, dead, id);
   CREATE INDEX events_held ON events (holder) WHERE holder IS NOT NULL;`,
]);
