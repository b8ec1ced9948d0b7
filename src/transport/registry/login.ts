import { mkdir, open, realpath, rename, rm } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { CortenError, DEFAULT_REGISTRY, isRepository } from "../../spec/index.ts";
import type { TransportOptions } from "../place.ts";
import type { AuthFile } from "./auth-file.ts";
import { asObject, authFiles, DOCKER_HUB_KEY, readAuthFile, serverOf } from "./auth-file.ts";
import { RegistryClient } from "./client.ts";
import { isHost } from "./configuration/location.ts";
import { clearHelper, tellHelper } from "./credential-helper.ts";
import { findCredentials } from "./credentials.ts";
import type { RegistryOptions } from "./options.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A user's name and password. */
export interface Password {
  readonly username: string;
  readonly password: string;
}

/** What credentials are for: a registry, or the repositories below a path of it. */
interface Server {
  readonly registry: string;
  readonly repository: string;
}

/**
 * Asks the registry whether it knows the user, and keeps the credentials where `docker login` and `podman login` keep theirs: with the
 * helper that the auth file names for the registry, else in the file itself.
 *
 * @param server `host[:port]`, or `host[:port]/path` for the repositories below it
 * @returns the file or helper that has them now
 * @throws unauthenticated when the registry does not; then nothing is stored
 */
export async function login(
  server: string,
  password: Password,
  options: Omit<RegistryOptions, "credentials"> & TransportOptions = {},
): Promise<string> {
  const { registry, repository } = parseServer(server);
  const { username } = password;
  if (username === "" || /[:\0-\x1f]/.test(username)) {
    throw new CortenError("invalid-argument", "a user name is not empty and has no colon");
  }
  await using client = new RegistryClient({ registry, repository }, { ...options, credentials: password });
  const reply = await client.request({
    method: "GET",
    path: "/v2/",
    actions: "login",
    expect: [200],
    what: `log in to ${registry}`,
    signal: options.signal,
  });
  reply.drop();

  const environment = options.environment ?? process.env;
  const path = fileFor(options.authFile, environment);
  const file = await readAuthFile(path);
  const helper = file === undefined ? undefined : helperOf(file, registry);
  if (helper !== undefined) {
    await tellHelper(helper, serverOf(registry), password, environment);
    return `docker-credential-${helper}`;
  }
  const auth = Buffer.from(`${username}:${password.password}`, "utf8").toString("base64");
  await writeAuths(path, file, { ...file?.auths, [keyFor(path, registry, repository)]: { auth } });
  return path;
}

/**
 * Forgets the credentials of a registry, or of all.
 *
 * @returns false when there were none
 */
export async function logout(
  server: string | "all",
  options: Pick<RegistryOptions, "authFile" | "environment"> = {},
): Promise<boolean> {
  const environment = options.environment ?? process.env;
  let found = false;
  for (const path of authFiles({ authFile: options.authFile, environment })) {
    const file = await readAuthFile(path);
    if (file !== undefined && (await forget(file, server, environment))) found = true;
  }
  return found;
}

async function forget(file: AuthFile, server: string, environment: Environment): Promise<boolean> {
  let found = false;
  const gone = server === "all" ? Object.keys(file.auths) : keysOf(parseServer(server));
  const auths = Object.fromEntries(Object.entries(file.auths).filter(([key]) => !gone.includes(key)));
  if (Object.keys(auths).length < Object.keys(file.auths).length) {
    await writeAuths(file.path, file, auths);
    found = true;
  }
  const helped = server === "all" ? Object.keys(file.credHelpers) : [parseServer(server).registry];
  for (const registry of helped) {
    const helper = helperOf(file, registry);
    if (helper !== undefined && (await clearHelper(helper, serverOf(registry), environment))) found = true;
  }
  return found;
}

/** The name of the user who is logged in to a registry; undefined when nobody is. */
export async function loggedInUser(
  server: string,
  options: Pick<RegistryOptions, "authFile" | "environment"> = {},
): Promise<string | undefined> {
  const environment = options.environment ?? process.env;
  const found = await findCredentials({ ...parseServer(server), authFile: options.authFile, environment });
  if (found === undefined) return undefined;
  return "username" in found ? found.username : "<token>";
}

/** Also what Docker's users type: `https://index.docker.io/v1/`. */
function parseServer(text: string): Server {
  const bare = text.replace(/^https?:\/\//, "").replace(/\/(?:v[12]\/?)?$/, "");
  const slash = bare.indexOf("/");
  const host = (slash < 0 ? bare : bare.slice(0, slash)).toLowerCase();
  const repository = slash < 0 ? "" : bare.slice(slash + 1);
  if (!isHost(host) || (repository !== "" && !isRepository(repository))) {
    throw new CortenError("invalid-argument", `"${text.slice(0, 200)}" is not a registry`);
  }
  const hub = host === "index.docker.io" || host === "registry-1.docker.io";
  return { registry: hub ? DEFAULT_REGISTRY : host, repository };
}

function helperOf(file: AuthFile, registry: string): string | undefined {
  for (const key of [registry, serverOf(registry)]) {
    const helper = Object.hasOwn(file.credHelpers, key) ? file.credHelpers[key] : undefined;
    if (typeof helper === "string" && helper !== "") return helper;
  }
  return file.credsStore;
}

function keysOf({ registry, repository }: Server): readonly string[] {
  if (repository !== "") return [`${registry}/${repository}`];
  return registry === DEFAULT_REGISTRY ? [registry, DOCKER_HUB_KEY] : [registry];
}

/** Docker looks for its own registry under a URL, in its own file. */
function keyFor(path: string, registry: string, repository: string): string {
  if (repository !== "") return `${registry}/${repository}`;
  return basename(path) === "config.json" ? serverOf(registry) : registry;
}

function fileFor(authFile: string | undefined, environment: Environment): string {
  const [path] = authFiles({ authFile, environment });
  if (path !== undefined) return path;
  throw new CortenError("failed-precondition", "there is no place for credentials", {
    hint: "set HOME or REGISTRY_AUTH_FILE, or name a file with --authfile",
  });
}

/** Writes the file anew: whoever reads it sees the old content or the new, and nobody else's eyes see either. */
async function writeAuths(path: string, file: AuthFile | undefined, auths: object): Promise<void> {
  const text = `${JSON.stringify({ ...asObject(file?.content), auths }, undefined, "\t")}\n`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    // A link to where the file really is stays one.
    const target = await realpath(path).catch(() => path);
    const draft = `${target}.${process.pid}.${Date.now().toString(36)}`;
    try {
      const handle = await open(draft, "wx", 0o600);
      try {
        await handle.writeFile(text);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(draft, target);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CortenError("failed-precondition", `cannot write the auth file ${path}: ${code}`, { cause });
  }
}
