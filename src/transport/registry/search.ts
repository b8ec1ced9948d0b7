import type { JsonView as View } from "../../spec/index.ts";
import { DEFAULT_REGISTRY, isRepository, JsonView, parseStrictJson } from "../../spec/index.ts";
import type { TransportOptions } from "../place.ts";
import { RegistryClient } from "./client.ts";
import { readAll } from "./http-body.ts";
import type { RegistryOptions } from "./options.ts";
import { RegistryRepository } from "./repository.ts";

/** The host that knows what is on docker.io. */
const DOCKER_HUB_SEARCH = "index.docker.io";
const MAX_ANSWER = 8 * 1024 * 1024;
const MAX_DESCRIPTION = 4096;
/** What registries give at most. */
const MAX_ASKED = 100;

/** A repository that a search has found. */
export interface FoundRepository {
  readonly registry: string;
  readonly repository: string;
  /** What its owner says of it; empty where the registry does not tell. */
  readonly description: string;
  readonly stars: number;
  readonly official: boolean;
  readonly automated: boolean;
}

/** Options of {@link searchRegistry}. */
export interface SearchOptions extends TransportOptions {
  /** Most repositories to find. */
  readonly limit: number;
  readonly registry?: RegistryOptions;
}

/**
 * Looks for repositories of a registry: through the search of Docker's first API where the registry has it, else in the list of
 * all its repositories (`_catalog`), for those with `text` in their name.
 *
 * @param text empty for any
 * @throws what the registry's refusal means where it has neither
 */
export async function searchRegistry(
  registry: string,
  text: string,
  options: SearchOptions,
): Promise<readonly FoundRepository[]> {
  const found = text === "" ? undefined : await askIndex(registry, text, options);
  return found ?? (await lookThrough(registry, text, options));
}

/** Undefined where the registry has no such search, or has it for others. */
async function askIndex(
  registry: string,
  text: string,
  { limit, registry: access = {}, signal }: SearchOptions,
): Promise<readonly FoundRepository[] | undefined> {
  const host = registry === DEFAULT_REGISTRY ? DOCKER_HUB_SEARCH : registry;
  await using client = new RegistryClient({ registry: host, repository: "search" }, access);
  const what = `search ${registry}`;
  const query = new URLSearchParams({ q: text, n: String(Math.min(limit, MAX_ASKED)) });
  const reply = await client.request({
    method: "GET",
    path: `/v1/search?${query}`,
    actions: "login",
    expect: [200, 400, 401, 403, 404, 405, 410],
    what,
    signal,
  });
  const type = reply.headers["content-type"] ?? "";
  // A proxy, or a registry's web page, answers everything with something.
  if (reply.status !== 200 || !/json/.test(type)) {
    reply.drop();
    return undefined;
  }
  const page = new JsonView(parseStrictJson(await readAll(reply, MAX_ANSWER), what), what);
  return page
    .field("results")
    .items()
    .slice(0, limit)
    .map((result) => foundIn(registry, result));
}

function foundIn(registry: string, result: View): FoundRepository {
  const view = result.field("name");
  const name = view.string();
  const repository = registry === DEFAULT_REGISTRY && !name.includes("/") ? `library/${name}` : name;
  if (!isRepository(repository))
    throw view.fault(`is ${JSON.stringify(name.slice(0, 140))}, which is no repository`);
  const description = optional(result, "description", (field) => field.string()) ?? "";
  return {
    registry,
    repository,
    description: description.slice(0, MAX_DESCRIPTION),
    stars: optional(result, "star_count", (field) => field.size()) ?? 0,
    official: optional(result, "is_official", (field) => field.boolean()) ?? false,
    automated: optional(result, "is_automated", (field) => field.boolean()) ?? false,
  };
}

function optional<T>(view: View, name: string, read: (field: View) => T): T | undefined {
  const field = view.field(name);
  return field.absent ? undefined : read(field);
}

async function lookThrough(
  registry: string,
  text: string,
  { limit, registry: access = {}, signal }: SearchOptions,
): Promise<readonly FoundRepository[]> {
  await using opened = new RegistryRepository(new RegistryClient({ registry, repository: "search" }, access));
  const wanted = text.toLowerCase();
  const names: string[] = [];
  let exact: string | undefined;
  for await (const name of opened.neighbours(signal === undefined ? {} : { signal })) {
    if (name === wanted) exact = name;
    else if (names.length < limit && name.includes(wanted)) names.push(name);
    if (names.length === limit && (exact !== undefined || wanted === "")) break;
  }
  const all = exact === undefined ? names : [exact, ...names];
  return all.slice(0, limit).map((repository) => ({
    registry,
    repository,
    description: "",
    stars: 0,
    official: false,
    automated: false,
  }));
}
