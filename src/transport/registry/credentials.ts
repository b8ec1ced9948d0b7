import { CortenError, DEFAULT_REGISTRY } from "../../spec/index.ts";
import type { AuthFile } from "./auth-file.ts";
import { asObject, authFiles, DOCKER_HUB_KEY, readAuthFile, serverOf } from "./auth-file.ts";
import { askHelper } from "./credential-helper.ts";
import type { Credentials } from "./options.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const DOCKER_HUB_HOSTS = ["index.docker.io", "registry-1.docker.io"];

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
