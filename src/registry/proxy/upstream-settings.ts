import type { JsonView } from "../../spec/index.ts";
import { isRepository } from "../../spec/index.ts";
import type { Glob } from "../access/glob.ts";
import { onlyFields, optional, patterns, seconds, text } from "../access/settings.ts";
import { REMOTE_KEYS, type RemoteRegistry, readRemote } from "../replication/remote-registry.ts";

/** Another registry whose content can be pulled from this one; `registry` is also what the `ns` parameter names. */
export interface UpstreamSettings extends RemoteRegistry {
  /** First component of its repositories' names here: `docker.io/library/alpine`. */
  readonly name: string;
  /** Repositories (of the other registry) that are passed on. Default: all. */
  readonly repositories?: readonly Glob[];
  /** Its repositories are here without the name, too: for Docker's `registry-mirrors`, which leave it out. */
  readonly unprefixed?: boolean;
  /** How long a tag is served without asking whether it still leads to the same, in milliseconds. Default: a minute. */
  readonly revalidate?: number;
}

/** How long a tag is served without a question, unless told. */
export const DEFAULT_REVALIDATE_MS = 60_000;

/**
 * Reads section `upstreams`.
 *
 * @param path reads a field that is a path
 * @throws invalid-argument that names the key at fault
 */
export function readUpstreams(
  view: JsonView,
  path: (field: JsonView) => string,
): readonly UpstreamSettings[] {
  const upstreams = view.items().map((entry) => readUpstream(entry, path));
  for (const [index, { name }] of upstreams.entries()) {
    const first = upstreams.findIndex((other) => other.name === name);
    if (first !== index) throw view.fault(`has two entries named "${name}"`);
  }
  if (upstreams.filter(({ unprefixed }) => unprefixed === true).length > 1)
    throw view.fault(
      "has two entries that are unprefixed",
      "one at most can have the names without a prefix",
    );
  return upstreams;
}

function readUpstream(view: JsonView, path: (field: JsonView) => string): UpstreamSettings {
  onlyFields(view, [...REMOTE_KEYS, "name", "repositories", "unprefixed", "revalidate"]);
  const remote = readRemote(view, path);
  const name =
    optional(view.field("name"), text) ?? remote.registry.replace(/[[\]:]+/g, "-").replace(/^-|-$/g, "");
  if (name.includes("/") || !isRepository(name))
    throw view.field("name").fault(`is "${name}"`, "one component of a repository's name");
  const repositories = optional(view.field("repositories"), patterns);
  const unprefixed = optional(view.field("unprefixed"), (field) => field.boolean());
  const revalidate = optional(view.field("revalidate"), (field) => 1000 * seconds(field, 0, 30 * 86_400));
  return {
    ...remote,
    name,
    ...(repositories === undefined ? {} : { repositories }),
    ...(unprefixed === undefined ? {} : { unprefixed }),
    ...(revalidate === undefined ? {} : { revalidate }),
  };
}
