import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { JsonView } from "../../../spec/index.ts";
import { CortenError } from "../../../spec/index.ts";
import { shortNameAliasesFile } from "./alias-file.ts";
import { isHost, isLocation } from "./location.ts";
import { readToml } from "./toml-file.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A place that is asked before the registry itself. */
export interface Mirror {
  readonly location: string;
  readonly insecure: boolean;
  readonly pulls: "all" | "digest-only" | "tag-only";
}

/** A `[[registry]]` table: what holds for the names that begin with `prefix`. */
export interface RegistryRule {
  /** `host[:port][/path…]`, or `*.host` for all hosts below one. */
  readonly prefix: string;
  /** What takes the place of `prefix`; undefined leaves names as they are. */
  readonly location: string | undefined;
  readonly insecure: boolean;
  readonly blocked: boolean;
  readonly mirrors: readonly Mirror[];
  /** The file that says so. */
  readonly file: string;
}

/** What registries.conf and its drop-ins say together (containers-registries.conf(5), version 2). */
export interface RegistriesConf {
  readonly rules: readonly RegistryRule[];
  /** Registries where a name without a host is looked for, in order. */
  readonly search: readonly string[];
  readonly shortNameMode: "enforcing" | "permissive" | "disabled";
  /** Short names and what they stand for. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Where credentials are looked for: `containers-auth.json` or a helper's name. */
  readonly credentialHelpers: readonly string[];
  /** The files that were read. */
  readonly files: readonly string[];
}

/** Which files to read. */
export interface RegistriesConfOptions {
  /** The only file to read; false reads none. Default: those of containers-registries.conf(5). */
  readonly registriesConf?: string | false | undefined;
  readonly environment: Environment;
}

/**
 * Reads registries.conf and registries.conf.d. A later file replaces tables of the same prefix, and the lists and values that it
 * sets itself.
 *
 * @returns undefined when no file exists
 * @throws failed-precondition or invalid-argument naming the file and the key at fault
 */
export async function readRegistriesConf(
  options: RegistriesConfOptions,
): Promise<RegistriesConf | undefined> {
  const rules = new Map<string, RegistryRule>();
  const aliases = new Map<string, string>();
  const conf = {
    search: [] as readonly string[],
    shortNameMode: "enforcing" as RegistriesConf["shortNameMode"],
    credentialHelpers: ["containers-auth.json"] as readonly string[],
    files: [] as string[],
  };
  for (const path of await confFiles(options)) {
    const view = await readToml(path);
    if (view === undefined) continue;
    conf.files.push(path);
    if (!view.field("registries").absent) {
      throw view.field("registries").fault("is the old version 1 of the format", "write [[registry]] tables");
    }
    for (const rule of optional(view, "registry", (tables) => tables.items()) ?? []) {
      const read = readRule(rule, path);
      rules.set(read.prefix, read);
    }
    conf.search = optional(view, "unqualified-search-registries", readSearch) ?? conf.search;
    conf.shortNameMode = optional(view, "short-name-mode", readMode) ?? conf.shortNameMode;
    conf.credentialHelpers =
      optional(view, "credential-helpers", (list) => list.strings()) ?? conf.credentialHelpers;
    readAliases(view, aliases);
  }
  return conf.files.length === 0 ? undefined : { ...conf, rules: [...rules.values()], aliases };
}

async function confFiles({ registriesConf, environment }: RegistriesConfOptions): Promise<readonly string[]> {
  if (registriesConf === false) return [];
  if (registriesConf !== undefined) return [registriesConf];
  const home = environment["HOME"];
  const config = environment["XDG_CONFIG_HOME"] || (home && join(home, ".config"));
  const user = config ? join(config, "containers") : undefined;
  const named = environment["CONTAINERS_REGISTRIES_CONF"];
  const aliases = shortNameAliasesFile(environment, process.geteuid?.() ?? -1);
  const main = named ? [named] : await userOrSystem(user);
  return [
    ...main,
    ...(await dropIns("/etc/containers/registries.conf.d")),
    ...(user === undefined ? [] : await dropIns(join(user, "registries.conf.d"))),
    // What users chose when they were asked.
    ...(aliases === undefined ? [] : [aliases]),
  ];
}

/** The user's own file takes the place of the system's. */
async function userOrSystem(user: string | undefined): Promise<readonly string[]> {
  const own = user === undefined ? undefined : join(user, "registries.conf");
  if (own !== undefined && (await readToml(own)) !== undefined) return [own];
  return ["/etc/containers/registries.conf"];
}

async function dropIns(directory: string): Promise<readonly string[]> {
  try {
    const names = await readdir(directory);
    return names
      .filter((name) => name.endsWith(".conf"))
      .sort()
      .map((name) => join(directory, name));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw new CortenError("failed-precondition", `cannot read ${directory}: ${code}`, { cause });
  }
}

function readRule(view: JsonView, file: string): RegistryRule {
  const location = optional(view, "location", readLocation);
  const prefix = optional(view, "prefix", readPrefix) ?? location;
  if (prefix === undefined) throw view.field("location").fault("is missing");
  const wildcard = prefix.startsWith("*.");
  if (location === undefined && !wildcard) {
    throw view.field("location").fault("is missing", "only a prefix with a wildcard goes without one");
  }
  const byDigest = flag(view, "mirror-by-digest-only");
  const mirrors = (optional(view, "mirror", (list) => list.items()) ?? []).map((mirror) =>
    readMirror(mirror, byDigest),
  );
  return {
    prefix,
    location,
    insecure: flag(view, "insecure"),
    blocked: flag(view, "blocked"),
    mirrors,
    file,
  };
}

function readMirror(view: JsonView, byDigest: boolean): Mirror {
  const pulls = optional(view, "pull-from-mirror", (value) => {
    const text = value.string();
    if (text !== "all" && text !== "digest-only" && text !== "tag-only") {
      throw value.fault("is not one of all, digest-only, tag-only");
    }
    if (byDigest) throw value.fault("and mirror-by-digest-only exclude each other");
    return text;
  });
  const location = readLocation(view.field("location"));
  return { location, insecure: flag(view, "insecure"), pulls: pulls ?? (byDigest ? "digest-only" : "all") };
}

function readPrefix(view: JsonView): string {
  const text = view.string();
  const host = text.startsWith("*.") ? text.slice(2) : text;
  if (text.startsWith("*.") && host.includes("/")) throw view.fault("has a path behind a wildcard");
  if (!isLocation(host)) throw view.fault(`is ${JSON.stringify(text)}, not host[:port][/path] or *.host`);
  return text;
}

function readLocation(view: JsonView): string {
  const text = view.string();
  if (!isLocation(text)) throw view.fault(`is ${JSON.stringify(text)}, not host[:port][/path]`);
  return text;
}

function readSearch(view: JsonView): readonly string[] {
  return view.items().map((item) => {
    const host = item.string();
    if (!isHost(host)) throw item.fault(`is ${JSON.stringify(host)}, not host[:port]`);
    return host;
  });
}

function readMode(view: JsonView): RegistriesConf["shortNameMode"] {
  const text = view.string();
  if (text === "enforcing" || text === "permissive" || text === "disabled") return text;
  throw view.fault("is not one of enforcing, permissive, disabled");
}

function readAliases(view: JsonView, aliases: Map<string, string>): void {
  const table = view.field("aliases");
  if (table.absent) return;
  for (const name of Object.keys(table.object())) {
    const value = table.field(name);
    const target = value.string();
    // An empty value takes away what an earlier file set.
    if (target === "") aliases.delete(name);
    else if (!isLocation(target) || !target.includes("/")) throw value.fault("is not a name with a registry");
    else aliases.set(name, target);
  }
}

function flag(view: JsonView, name: string): boolean {
  return optional(view, name, (value) => value.boolean()) ?? false;
}

function optional<T>(view: JsonView, name: string, read: (value: JsonView) => T): T | undefined {
  const value = view.field(name);
  return value.absent ? undefined : read(value);
}
