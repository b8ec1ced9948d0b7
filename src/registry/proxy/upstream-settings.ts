import type { JsonView } from "../../spec/index.ts";
import { isRepository } from "../../spec/index.ts";
import { compileGlob, type Glob } from "../access/glob.ts";
import { list, onlyFields, optional, seconds, text } from "../access/settings.ts";

/** Another registry whose content can be pulled from this one. */
export interface UpstreamSettings {
  /** Host and port of the other registry, as in references and in the `ns` parameter: `docker.io`, `ghcr.io`. */
  readonly registry: string;
  /** First component of its repositories' names here: `docker.io/library/alpine`. */
  readonly name: string;
  /** Repositories (of the other registry) that are passed on. Default: all. */
  readonly repositories?: readonly Glob[];
  /** Its repositories are here without the name, too: for Docker's `registry-mirrors`, which leave it out. */
  readonly unprefixed?: boolean;
  /** How long a tag is served without asking whether it still leads to the same, in milliseconds. Default: a minute. */
  readonly revalidate?: number;
  /** Credentials: a file as `docker login` writes it. Default: anonymous. */
  readonly authFile?: string;
  /** Directory with certificates (`*.crt`, `*.cert`, `*.key`) for it. */
  readonly certificates?: string;
  /** Certificates are not verified, and plain HTTP is spoken where HTTPS is not. Default: false. */
  readonly insecure?: boolean;
  /** Hosts that may be given its credentials as its token service, beside public ones. */
  readonly trustedTokenHosts?: readonly string[];
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
  onlyFields(view, [
    ...["registry", "name", "repositories", "unprefixed", "revalidate"],
    ...["authFile", "certificates", "insecure", "trustedTokenHosts"],
  ]);
  const registry = text(view.field("registry"));
  if (!/^(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/.test(registry))
    throw view
      .field("registry")
      .fault(`is "${registry}"`, "a host as in references, such as docker.io or localhost:5000");
  const name = optional(view.field("name"), text) ?? registry.replace(/[[\]:]+/g, "-").replace(/^-|-$/g, "");
  if (name.includes("/") || !isRepository(name))
    throw view.field("name").fault(`is "${name}"`, "one component of a repository's name");
  const repositories = optional(view.field("repositories"), readGlobs);
  const unprefixed = optional(view.field("unprefixed"), (field) => field.boolean());
  const revalidate = optional(view.field("revalidate"), (field) => 1000 * seconds(field, 0, 30 * 86_400));
  const authFile = optional(view.field("authFile"), path);
  const certificates = optional(view.field("certificates"), path);
  const insecure = optional(view.field("insecure"), (field) => field.boolean());
  const trustedTokenHosts = optional(view.field("trustedTokenHosts"), list);
  return {
    registry,
    name,
    ...(repositories === undefined ? {} : { repositories }),
    ...(unprefixed === undefined ? {} : { unprefixed }),
    ...(revalidate === undefined ? {} : { revalidate }),
    ...(authFile === undefined ? {} : { authFile }),
    ...(certificates === undefined ? {} : { certificates }),
    ...(insecure === undefined ? {} : { insecure }),
    ...(trustedTokenHosts === undefined ? {} : { trustedTokenHosts }),
  };
}

function readGlobs(view: JsonView): readonly Glob[] {
  return list(view).map((pattern) => {
    const glob = compileGlob(pattern);
    if (typeof glob === "string") throw view.fault(`has "${pattern}", which ${glob}`);
    return glob;
  });
}
