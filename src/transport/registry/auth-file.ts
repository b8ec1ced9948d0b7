import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CortenError, DEFAULT_REGISTRY, parseStrictJson } from "../../spec/index.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The key under which Docker keeps the credentials of docker.io. */
export const DOCKER_HUB_KEY = "https://index.docker.io/v1/";
const MAX_FILE = 4 * 1024 * 1024;

/** An auth file: Docker's config.json and containers-auth.json(5) share this part. */
export interface AuthFile {
  readonly path: string;
  /** All that is in it, for who writes it back. */
  readonly content: Readonly<Record<string, unknown>>;
  readonly auths: Readonly<Record<string, unknown>>;
  readonly credHelpers: Readonly<Record<string, unknown>>;
  readonly credsStore: string | undefined;
}

/** The auth files to look into, in order; a file named by the user is the only one. */
export function authFiles({
  authFile,
  environment,
}: {
  readonly authFile?: string | undefined;
  readonly environment: Environment;
}): readonly string[] {
  const only = authFile ?? environment["REGISTRY_AUTH_FILE"];
  if (only) return [only];
  const home = environment["HOME"];
  const config = environment["XDG_CONFIG_HOME"] || (home && join(home, ".config"));
  const runtime = environment["XDG_RUNTIME_DIR"];
  // Where Podman logs in without a session of its user, as root mostly.
  const own = process.getuid === undefined ? undefined : `/run/containers/${process.getuid()}/auth.json`;
  const docker = environment["DOCKER_CONFIG"] || (home && join(home, ".docker"));
  return [
    ...(runtime ? [join(runtime, "containers", "auth.json")] : own === undefined ? [] : [own]),
    ...(config ? [join(config, "containers", "auth.json")] : []),
    ...(docker ? [join(docker, "config.json")] : []),
  ];
}

/** What a helper knows a registry by. */
export function serverOf(registry: string): string {
  return registry === DEFAULT_REGISTRY ? DOCKER_HUB_KEY : registry;
}

/**
 * Reads an auth file.
 *
 * @returns undefined when it does not exist or is empty
 * @throws failed-precondition when it cannot be read, without quoting it
 */
export async function readAuthFile(path: string): Promise<AuthFile | undefined> {
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
  const content = asObject(value);
  const { auths, credHelpers, credsStore } = content;
  return {
    path,
    content,
    auths: asObject(auths),
    credHelpers: asObject(credHelpers),
    credsStore: typeof credsStore === "string" && credsStore !== "" ? credsStore : undefined,
  };
}

export function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
