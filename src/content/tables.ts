import { adoptNames, adoptReferrers } from "./layout-reading.ts";
import { defineSchema } from "./schema.ts";

/**
 * The tables of this room.
 * - `names`: what the user calls an image, and the index or manifest it means.
 * - `leases`, `lease_content`: what garbage collection must keep although no name leads to it.
 * - `referrers`: manifests that are about others, each with its subject, and the tag by which it is found in registries.
 * - `claims`: which process writes which partial blob.
 * - `replaced`, `replaced_origins`: packed layers that are here unpacked only, and where they came from.
 * - `layout`: how often names and referrers changed, and which of these states `index.json` shows since which boot.
 */
export const contentSchema = defineSchema("content", [
  `CREATE TABLE names (
     name TEXT PRIMARY KEY,
     media_type TEXT NOT NULL,
     digest TEXT NOT NULL,
     size INTEGER NOT NULL,
     updated INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX names_by_digest ON names (digest);
   CREATE TABLE leases (
     id TEXT PRIMARY KEY,
     owner TEXT,
     expires INTEGER
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE lease_content (
     lease TEXT NOT NULL,
     media_type TEXT NOT NULL,
     digest TEXT NOT NULL,
     PRIMARY KEY (lease, digest, media_type)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE claims (
     partial TEXT PRIMARY KEY,
     owner TEXT NOT NULL,
     token TEXT NOT NULL,
     renewed INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE layout (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     names INTEGER NOT NULL,
     written INTEGER NOT NULL
   ) STRICT;
   INSERT INTO layout VALUES (1, 1, 0);
   CREATE TRIGGER names_inserted AFTER INSERT ON names BEGIN UPDATE layout SET names = names + 1; END;
   CREATE TRIGGER names_updated AFTER UPDATE ON names BEGIN UPDATE layout SET names = names + 1; END;
   CREATE TRIGGER names_deleted AFTER DELETE ON names BEGIN UPDATE layout SET names = names + 1; END;`,
  adoptNames,
  "ALTER TABLE layout ADD COLUMN boot TEXT NOT NULL DEFAULT ''",
  `CREATE TABLE referrers (
     subject TEXT NOT NULL,
     digest TEXT NOT NULL,
     media_type TEXT NOT NULL,
     size INTEGER NOT NULL,
     tag TEXT,
     PRIMARY KEY (subject, digest)
   ) STRICT, WITHOUT ROWID;
   CREATE TRIGGER referrers_inserted AFTER INSERT ON referrers BEGIN UPDATE layout SET names = names + 1; END;
   CREATE TRIGGER referrers_deleted AFTER DELETE ON referrers BEGIN UPDATE layout SET names = names + 1; END;`,
  adoptReferrers,
  `CREATE TABLE replaced (
     digest TEXT PRIMARY KEY,
     size INTEGER NOT NULL,
     plain TEXT NOT NULL,
     plain_size INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE replaced_origins (
     digest TEXT NOT NULL,
     origin TEXT NOT NULL,
     noted INTEGER NOT NULL,
     PRIMARY KEY (digest, origin)
   ) STRICT, WITHOUT ROWID;`,
]);
