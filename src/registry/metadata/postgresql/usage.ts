import type { Quota, Usage } from "../housekeeping.ts";
import { QuotaExceeded } from "../quota-exceeded.ts";
import type { Sql, Transaction } from "./connection.ts";

/** The work of `Metadata.usage`: triggers keep the sums. */
export async function findUsage(sql: Sql | Transaction, repository: string): Promise<Usage> {
  const [row] = await sql<[Usage]>`
    SELECT coalesce((SELECT bytes FROM repositories WHERE name = ${repository}), 0) AS repository,
    (SELECT coalesce(sum(bytes), 0)::bigint FROM usage) AS total`;
  return { repository: row.repository, total: row.total };
}

/**
 * Stands at the end of a transaction, which ends without its changes if it has brought in too much. The repository is
 * locked, so its sum is exact; of the registry's as a whole what other transactions bring in at the same moment is not
 * seen.
 *
 * @throws resource-exhausted
 */
export async function assertQuota(
  transaction: Transaction,
  repository: string,
  quota: Quota | undefined,
): Promise<void> {
  if (quota === undefined) return;
  const excess = QuotaExceeded.find(repository, await findUsage(transaction, repository), quota);
  if (excess !== undefined) throw excess;
}
