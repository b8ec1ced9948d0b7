import type { Database } from "../../../content/index.ts";
import type { Quota, Usage } from "../housekeeping.ts";
import { QuotaExceeded } from "../quota-exceeded.ts";

/** The work of `Metadata.usage`: triggers keep the sums. */
export function findUsage(database: Database, repository: string): Usage {
  const { repository: own, total } = database.get<Usage>(
    `SELECT ifnull((SELECT bytes FROM repositories WHERE name = ?), 0) AS repository,
     (SELECT bytes FROM usage) AS total`,
    repository,
  )!;
  return { repository: own, total };
}

/**
 * Undoes the transaction that it stands at the end of, if that has brought in too much.
 *
 * @throws resource-exhausted
 */
export function assertQuota(database: Database, repository: string, quota: Quota | undefined): void {
  if (quota === undefined) return;
  const usage = findUsage(database, repository);
  const excess = QuotaExceeded.find(repository, usage, quota);
  if (excess !== undefined) throw excess;
}
