import type { Reference } from "../../../spec/index.ts";
import { CortenError, DEFAULT_REGISTRY, isRepository } from "../../../spec/index.ts";
import type { RegistryOptions } from "../options.ts";
import type { HostEntry, HostsFile } from "./hosts-toml.ts";
import { readHosts } from "./hosts-toml.ts";
import type { Location } from "./location.ts";
import { isHost } from "./location.ts";
import type { RegistriesConf, RegistryRule } from "./registries-conf.ts";
import { readRegistriesConf } from "./registries-conf.ts";
import { findRule, rewritten } from "./rule.ts";

/** Where containerd and Docker keep a directory for each registry. */
const HOSTS_DIRECTORIES = ["/etc/containerd/certs.d", "/etc/docker/certs.d"];

/** One host that may be asked for a repository's content. */
export interface EndpointSettings extends Location {
  /** The registry itself, wherever it is; not a mirror of it. */
  readonly primary: boolean;
  /** The URL's beginning before the repository where a file says it; else it is found by asking. */
  readonly root: URL | undefined;
  readonly insecure: boolean;
  readonly pulls: "all" | "digest-only" | "tag-only" | "none";
  readonly pushes: boolean;
  /** The registry for which a mirror is asked (`?ns=`). */
  readonly namespace: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly ca: readonly string[];
  readonly client: readonly (readonly [certificate: string, key: string])[];
}

/** What configuration says of one repository. */
export interface RegistrySettings {
  /** In the order in which they are asked; the registry itself last. */
  readonly endpoints: readonly EndpointSettings[];
  /** Names of credential helpers to ask beside the auth files. */
  readonly credentialHelpers: readonly string[];
}

/**
 * The hosts that serve a repository: by registries.conf where that has a table for it, else by hosts.toml, else the registry alone.
 *
 * @throws permission-denied when the registry is blocked; what the readers of the files throw
 */
export async function registrySettings(
  reference: Reference,
  options: RegistryOptions,
): Promise<RegistrySettings> {
  const environment = options.environment ?? process.env;
  const { registriesConf, hostsDirectories = HOSTS_DIRECTORIES } = options;
  const conf = await readRegistriesConf({ registriesConf, environment });
  const { registry, repository, tag, digest } = reference;
  const suffix = `${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
  const rule = conf === undefined ? undefined : findRule(conf, `${registry}/${repository}${suffix}`);
  const hosts = rule === undefined ? await readHosts(registry, hostsDirectories) : undefined;
  const endpoints =
    rule !== undefined
      ? endpointsOfRule(rule, reference)
      : hosts !== undefined
        ? endpointsOfHosts(hosts, reference)
        : [plain({ host: registry, repository })];
  return { endpoints, credentialHelpers: helpersOf(conf) };
}

function helpersOf(conf: RegistriesConf | undefined): readonly string[] {
  return conf?.credentialHelpers.filter((name) => name !== "containers-auth.json") ?? [];
}

function plain(location: Location): EndpointSettings {
  return {
    ...location,
    primary: true,
    root: undefined,
    insecure: false,
    pulls: "all",
    pushes: true,
    namespace: undefined,
    headers: {},
    ca: [],
    client: [],
  };
}

function endpointsOfRule(rule: RegistryRule, { registry, repository }: Reference): EndpointSettings[] {
  if (rule.blocked) {
    throw new CortenError("permission-denied", `${registry}/${repository} is blocked`, {
      hint: `the table for "${rule.prefix}" in ${rule.file} says so`,
    });
  }
  const name = `${registry}/${repository}`;
  const mirrors = rule.mirrors.map(({ location, insecure, pulls }) => ({
    ...plain(locationOf(rewritten(rule, name, location), rule.file)),
    primary: false,
    insecure,
    pulls,
    pushes: false,
  }));
  const own = plain({ host: registry, repository });
  const target = locationOf(rewritten(rule, name, rule.location), rule.file);
  const { insecure } = rule;
  if (target.host === own.host && target.repository === own.repository)
    return [...mirrors, { ...own, insecure }];
  // A location says where images are pulled from; what is pushed goes where its name says.
  const pulled = { ...plain(target), insecure, pushes: false };
  return [...mirrors, pulled, { ...own, insecure, pulls: "none" }];
}

/** A rule that has a prefix with a tag may rewrite a name to one with a tag in the middle. */
function locationOf(name: string, file: string): Location {
  const slash = name.indexOf("/");
  const host = name.slice(0, Math.max(slash, 0));
  const path = name.slice(slash + 1);
  const repository = host === DEFAULT_REGISTRY && !path.includes("/") ? `library/${path}` : path;
  if (isHost(host) && isRepository(repository)) return { host, repository };
  throw new CortenError(
    "failed-precondition",
    `${file} rewrites a name to ${name.slice(0, 200)}, which is none`,
  );
}

function endpointsOfHosts(
  { hosts, server }: HostsFile,
  { registry, repository }: Reference,
): EndpointSettings[] {
  const mirrors = hosts.map((entry) => ({
    ...fromEntry(entry, repository),
    primary: false,
    // Only where the file says so: nobody wants to push to a cache.
    pushes: entry.capabilities?.includes("push") === true,
    namespace: registry,
  }));
  const own = fromEntry(server, repository);
  const upstream = registry === DEFAULT_REGISTRY ? "registry-1.docker.io" : registry;
  const elsewhere = server.url.host !== upstream;
  return [
    ...mirrors,
    // For a server of another name the file's author decided, as for a mirror: the registry's credentials stay with the registry.
    {
      ...own,
      primary: !elsewhere,
      host: elsewhere ? own.host : registry,
      namespace: elsewhere ? registry : undefined,
    },
  ];
}

function fromEntry(entry: HostEntry, repository: string): EndpointSettings {
  const { capabilities, url, headers, ca, client, skipVerify } = entry;
  const can = (name: "pull" | "resolve" | "push") =>
    capabilities === undefined || capabilities.includes(name);
  const pulls = can("pull") ? (can("resolve") ? "all" : "digest-only") : can("resolve") ? "tag-only" : "none";
  const location = { host: url.host, repository };
  return {
    ...plain(location),
    root: url,
    insecure: skipVerify,
    pulls,
    pushes: can("push"),
    headers,
    ca,
    client,
  };
}
