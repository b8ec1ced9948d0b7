import type { Database } from "../../../content/index.ts";
import type { Digest } from "../../../spec/index.ts";
import type { TagRefusal } from "../metadata.ts";

/**
 * Asks about each tag that leads to a manifest or blob, itself or over indexes and manifests that reference it.
 * UNION leaves out what was found before, so that a made-up circle of indexes comes to an end.
 */
export function askTagsAbove(
  database: Database,
  repository: number,
  digest: Digest,
  mayLose: ((tag: string) => boolean) | undefined,
): TagRefusal | undefined {
  if (mayLose === undefined) return undefined;
  const tags = database.all<{ name: string }>(
    `WITH RECURSIVE above (digest) AS (
       SELECT ?2 UNION
       SELECT m.digest FROM above JOIN links l ON l.repository = ?1 AND l.digest = above.digest
       JOIN manifests m ON m.id = l.manifest)
     SELECT t.name FROM above JOIN manifests m ON m.repository = ?1 AND m.digest = above.digest
     JOIN tags t ON t.manifest = m.id`,
    repository,
    digest,
  );
  const refused = tags.find(({ name }) => !mayLose(name));
  return refused === undefined ? undefined : { refusedTag: refused.name };
}
