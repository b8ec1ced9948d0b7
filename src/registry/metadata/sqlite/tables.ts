import { defineSchema } from "../../../content/index.ts";

/**
 * The tables of a registry. `repositories.revision` counts the changes that a repository's OCI layout
 * shows, `exported` is the revision that it shows (storage/filesystem). Bytes of manifests stand apart in
 * `documents`, so that lists read small rows only. `links` is what a manifest references. `layout_claim` is
 * the one process that writes layouts.
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
]);
