import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CortenError, DEFAULT_REGISTRY, parseStrictJson } from "../../spec/index.ts";
import { askHelper } from "./credential-helper.ts";
import type { Credentials } from "./options.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The key under which Docker keeps the credentials of docker.io. */
const DOCKER_HUB_KEY = "https://index.docker.io/v1/";
const DOCKER_HUB_HOSTS = ["index.docker.io", "registry-1.docker.io"];
const MAX_FILE = 4 * 1024 * 1024;

/** An auth file: Docker's config.json and containers-auth.json(5) share this part. */
interface AuthFile {
  readonly path: string;
  readonly auths: Readonly<Record<string, unknown>>;
  readonly credHelpers: Readonly<Record<string, unknown>>;
  readonly credsStore: string | undefined;
}

/** What {@link findCredentials} looks for, and where. */
export interface CredentialQuery {
  readonly registry: string;
  readonly repository: string;
  readonly authFile?: string | undefined;
  /** Helpers to ask where no file has any. */
  readonly helpers?: readonly string[];
  readonly environment: Environment;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The credentials of a registry: from the first auth file that has any. In a file, a helper named for
 * the registry comes first, then the entries from the most specific repository to the host, then the
 * file's general helper. Nothing found under another host is ever used.
 *
 * @throws failed-precondition when a file cannot be read or a helper fails
 */
export async function findCredentials(query: CredentialQuery): Promise<Credentials | undefined> {
  for (const path of authFiles(query)) {
    const file = await readAuthFile(path);
    const found = file === undefined ? undefined : await findIn(file, query);
    if (found !== undefined) return found;
  }
  const { registry, helpers = [], environment, signal } = query;
  for (const helper of helpers) {
    const found = await askHelper(helper, serverOf(registry), environment, signal);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What a helper knows a registry by. */
function serverOf(registry: string): string {
  return registry === DEFAULT_REGISTRY ? DOCKER_HUB_KEY : registry;
}

/** The auth files to look into, in order; a file named by the user is the only one. */
export function authFiles({
  authFile,
  environment,
}: Pick<CredentialQuery, "authFile" | "environment">): readonly string[] {
  const only = authFile ?? environment["REGISTRY_AUTH_FILE"];
  if (only) return [only];
  const home = environment["HOME"];
  const config = environment["XDG_CONFIG_HOME"] || (home && join(home, ".config"));
  const runtime = environment["XDG_RUNTIME_DIR"];
  const docker = environment["DOCKER_CONFIG"] || (home && join(home, ".docker"));
  return [
    ...(runtime ? [join(runtime, "containers", "auth.json")] : []),
    ...(config ? [join(config, "containers", "auth.json")] : []),
    ...(docker ? [join(docker, "config.json")] : []),
  ];
}

async function readAuthFile(path: string): Promise<AuthFile | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // A path below something that is no directory does not exist either.
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new CortenError("failed-precondition", `cannot read the auth file ${path}: ${code}`, { cause });
  }
  if (bytes.length > MAX_FILE)
    throw new CortenError("failed-precondition", `the auth file ${path} is too large`);
  if (bytes.length === 0) return undefined;
  let value: unknown;
  try {
    value = parseStrictJson(bytes, `the auth file ${path}`);
  } catch (cause) {
    // JSON.parse quotes the text around a fault, and that may be a password.
    throw new CortenError("failed-precondition", `the auth file ${path} is not valid JSON`, { cause });
  }
  const { auths, credHelpers, credsStore } = asObject(value);
  return {
    path,
    auths: asObject(auths),
    credHelpers: asObject(credHelpers),
    credsStore: typeof credsStore === "string" && credsStore !== "" ? credsStore : undefined,
  };
}

async function findIn(file: AuthFile, query: CredentialQuery): Promise<Credentials | undefined> {
  const { registry, environment, signal } = query;
  const server = serverOf(registry);
  for (const key of new Set([registry, server])) {
    const helper = Object.hasOwn(file.credHelpers, key) ? file.credHelpers[key] : undefined;
    if (typeof helper === "string" && helper !== "") return askHelper(helper, server, environment, signal);
  }
  for (const key of keysFor(query)) {
    const entry = Object.hasOwn(file.auths, key) ? file.auths[key] : legacyEntry(file, key);
    const credentials = entry === undefined ? undefined : readEntry(file.path, key, asObject(entry));
    if (credentials !== undefined) return credentials;
  }
  return file.credsStore === undefined ? undefined : askHelper(file.credsStore, server, environment, signal);
}

/** `host/a/b`, `host/a`, `host` (containers-auth.json(5)), and Docker's name for its own registry. */
function keysFor({ registry, repository }: CredentialQuery): readonly string[] {
  const parts = repository.split("/");
  const nested = parts.map((_, index) => `${registry}/${parts.slice(0, parts.length - index).join("/")}`);
  return [
    ...nested,
    registry,
    ...(registry === DEFAULT_REGISTRY ? [DOCKER_HUB_KEY, ...DOCKER_HUB_HOSTS] : []),
  ];
}

/** Old Docker versions wrote keys as URLs: `https://host/v1/`. */
function legacyEntry(file: AuthFile, host: string): unknown {
  if (host.includes("/")) return undefined;
  const key = Object.keys(file.auths).find(
    (name) => /^https?:\/\//.test(name) && name.split("/")[2] === host,
  );
  return key === undefined ? undefined : file.auths[key];
}

function readEntry(
  path: string,
  key: string,
  entry: Readonly<Record<string, unknown>>,
): Credentials | undefined {
  const { identitytoken, auth, username, password } = entry;
  if (typeof identitytoken === "string" && identitytoken !== "") return { identityToken: identitytoken };
  if (typeof auth === "string" && auth !== "") {
    const decoded = Buffer.from(auth, "base64").toString("utf8");
    const colon = decoded.indexOf(":");
    if (colon < 1) {
      throw new CortenError(
        "failed-precondition",
        `the auth file ${path} has no user name and password for ${key}`,
      );
    }
    // Some versions of Docker padded the password with NUL.
    return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1).replace(/\0+$/, "") };
  }
  if (typeof username === "string" && typeof password === "string" && username !== "")
    return { username, password };
  return undefined;
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
