import type { Digest } from "../../../spec/index.ts";
import type { TagRefusal } from "../metadata.ts";
import type { Transaction } from "./connection.ts";

/**
 * Asks about each tag that leads to a manifest or blob of a locked repository, itself or over indexes and manifests
 * that reference it. UNION leaves out what was found before, so that a made-up circle of indexes comes to an end.
 */
export async function askTagsAbove(
  transaction: Transaction,
  repository: number,
  digest: Digest,
  mayLose: ((tag: string) => boolean) | undefined,
): Promise<TagRefusal | undefined> {
  if (mayLose === undefined) return undefined;
  const tags = await transaction<{ name: string }[]>`
    WITH RECURSIVE above (digest) AS (
      SELECT ${digest}::text COLLATE "C" UNION
      SELECT m.digest FROM above JOIN links l ON l.repository = ${repository} AND l.digest = above.digest
      JOIN manifests m ON m.id = l.manifest)
    SELECT t.name FROM above JOIN manifests m ON m.repository = ${repository} AND m.digest = above.digest
    JOIN tags t ON t.manifest = m.id`;
  const refused = tags.find(({ name }) => !mayLose(name));
  return refused === undefined ? undefined : { refusedTag: refused.name };
}
