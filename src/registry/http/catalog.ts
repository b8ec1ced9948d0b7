import type { Exchange } from "./exchange.ts";
import { nextLink, pageRequest } from "./paging.ts";

/** Rows read at a time while those that the client may not see are left out. */
const BATCH = 1000;

/** GET of the repositories that the client may read. */
export async function listRepositories(exchange: Exchange): Promise<void> {
  const { after, limit } = pageRequest(exchange);
  const found: string[] = [];
  for (let last = after; found.length <= limit; ) {
    const page = { ...(last === undefined ? {} : { after: last }), limit: BATCH };
    const names = await exchange.service.metadata.repositories(page);
    for (const name of names) {
      if (found.length <= limit && exchange.allows(name, "read")) found.push(name);
    }
    if (names.length < BATCH) break;
    last = names.at(-1);
  }
  const repositories = found.slice(0, limit);
  const last = repositories.at(-1);
  const headers: Record<string, string> = {};
  if (found.length > limit && last !== undefined) headers["Link"] = nextLink("/v2/_catalog", last, limit);
  exchange.json(200, headers, { repositories });
}
