import { isRepository } from "../../spec/index.ts";
import type { Metadata } from "../metadata/metadata.ts";
import { DistributionError } from "./distribution-error.ts";
import type { Exchange } from "./exchange.ts";

/** Rows read at a time. */
const BATCH = 1000;
const DEFAULT_RESULTS = 25;
/** What `docker search` and `podman search` ask for at most. */
const MAX_RESULTS = 100;

/** True for the two paths of Docker's first API that clients still use: to search. */
export function isSearchPath(path: string): boolean {
  return path === "/v1/search" || path === "/v1/_ping";
}

/**
 * GET of the repositories with a text in their name that the client may read (`/v1/search?q=&n=`), a name that is the text
 * first; and of the sign that there is such an API.
 *
 * @throws UNSUPPORTED for other methods; UNAUTHORIZED where nobody but accounts may read
 */
export async function search(exchange: Exchange, path: string): Promise<void> {
  if (exchange.method !== "GET")
    throw new DistributionError("UNSUPPORTED", `${exchange.method.slice(0, 20)} is not supported here`);
  exchange.checkWelcome();
  if (path === "/v1/_ping") exchange.json(200, { "X-Docker-Registry-Standalone": "true" }, true);
  else exchange.json(200, {}, await found(exchange));
}

async function found(exchange: Exchange): Promise<object> {
  const query = exchange.parameter("q") ?? "";
  const text = query.toLowerCase();
  const limit = limitOf(exchange.parameter("n"));
  const names: string[] = [];
  const { metadata } = exchange.service;
  for (let last: string | undefined; names.length < limit; ) {
    const page = { ...(last === undefined ? {} : { after: last }), limit: BATCH };
    const batch = await metadata.repositories(page);
    for (const name of batch) {
      if (names.length < limit && name !== text && name.includes(text) && exchange.allows(name, "read"))
        names.push(name);
    }
    if (batch.length < BATCH) break;
    last = batch.at(-1);
  }
  if (isRepository(text) && (await exists(metadata, text)) && exchange.allows(text, "read"))
    names.unshift(text);
  const results = names.slice(0, limit).map((name) => ({
    name,
    description: "",
    star_count: 0,
    is_official: false,
    is_automated: false,
  }));
  return { query, num_results: results.length, num_pages: 1, page: 1, page_size: limit, results };
}

/** Asks for the names behind the last one that could stand before this; no name has a "~". */
async function exists(metadata: Metadata, name: string): Promise<boolean> {
  const before = String.fromCharCode(name.charCodeAt(name.length - 1) - 1);
  const [first] = await metadata.repositories({ after: `${name.slice(0, -1)}${before}~`, limit: 1 });
  return first === name;
}

function limitOf(text: string | undefined): number {
  const limit = text === undefined ? DEFAULT_RESULTS : Number(text);
  return Number.isInteger(limit) && limit > 0 ? Math.min(limit, MAX_RESULTS) : DEFAULT_RESULTS;
}
