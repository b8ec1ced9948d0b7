import type { Store } from "../content/index.ts";
import { Claim, defineSchema } from "../content/index.ts";
import type { UploadJournal } from "../transport/index.ts";

/** Registries keep what was begun for a week at most; then the URL is worth nothing. */
const LIFETIME_MS = 7 * 24 * 3600 * 1000;

/** `uploads`: the sessions of pushes that have not come to their end. */
const uploadSchema = defineSchema("uploads", [
  `CREATE TABLE uploads (
     key TEXT PRIMARY KEY,
     location TEXT NOT NULL,
     begun INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID`,
]);

/** The journal of pushes in a store's database. Give it to `openSink` in `registry.uploads`. */
export function uploadJournal({ database }: Store): UploadJournal {
  let ready = false;
  return {
    async take(key, signal) {
      if (!ready) {
        database.migrate(uploadSchema);
        database.transaction(() =>
          database.run("DELETE FROM uploads WHERE begun < ?", Date.now() - LIFETIME_MS),
        );
        ready = true;
      }
      const { createHash } = await import("node:crypto");
      const name = `upload-${createHash("sha256").update(key).digest("hex")}`;
      let looks = 0;
      const settled = (): boolean => {
        looks++;
        return false; // only the registry knows
      };
      const claim = (await Claim.take(database, name, settled, signal))!;
      const row = database.get<{ location: string }>("SELECT location FROM uploads WHERE key = ?", key);
      let remembered = row?.location;
      return {
        location: row?.location,
        // Claim.take looks twice when the claim is free.
        waited: looks > 2,
        remember(location) {
          if (location === remembered) return;
          remembered = location;
          database.transaction(() =>
            database.run(
              "INSERT INTO uploads VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET location = excluded.location",
              key,
              location,
              Date.now(),
            ),
          );
        },
        forget() {
          database.transaction(() => database.run("DELETE FROM uploads WHERE key = ?", key));
        },
        renew: () => claim.renew(),
        [Symbol.dispose]: () => claim.release(),
      };
    },
  };
}
