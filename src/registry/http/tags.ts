import { DistributionError } from "./distribution-error.ts";
import type { Exchange } from "./exchange.ts";
import { nextLink, pageRequest } from "./paging.ts";

/** GET of the tags (end-8a, end-8b), in the order of their bytes. */
export async function listTags(exchange: Exchange, repository: string): Promise<void> {
  exchange.authorize(repository, "read");
  const { after, limit } = pageRequest(exchange);
  const page = { ...(after === undefined ? {} : { after }), limit: limit + 1 };
  const elsewhere =
    exchange.origin === undefined ? undefined : await exchange.service.proxy?.tags(repository);
  const found =
    elsewhere === undefined
      ? await exchange.service.metadata.tags(repository, page)
      : elsewhere.filter((tag) => after === undefined || tag > after).slice(0, limit + 1);
  if (found === undefined) {
    throw new DistributionError("NAME_UNKNOWN", `there is no repository ${repository}`, {
      detail: { name: repository },
    });
  }
  const tags = found.slice(0, limit);
  const last = tags.at(-1);
  const headers: Record<string, string> = {};
  if (found.length > limit && last !== undefined) {
    headers["Link"] = nextLink(`/v2/${repository}/tags/list`, last, limit);
  }
  exchange.warn(headers, repository, "read");
  exchange.json(200, headers, { name: repository, tags });
}
