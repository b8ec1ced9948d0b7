import { CortenError } from "../../../spec/index.ts";
import type { Credentials, RegistryOptions } from "../../../transport/index.ts";

/** The values of the options of registry-access.ts, for one registry. */
export interface AccessValues {
  readonly creds: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly "no-creds": boolean;
  readonly authfile: string | undefined;
  readonly "cert-dir": string | undefined;
  readonly "tls-verify": boolean;
}

/** Reads those options: of one end of a copy (`--src-creds`) or of the only place (`--creds`). */
export function accessOf(options: object, end?: "src" | "dest"): AccessValues {
  const values = new Map<string, unknown>(Object.entries(options));
  const given = (name: string): unknown => values.get(end === undefined ? name : `${end}-${name}`);
  const textOf = (name: string): string | undefined => {
    const value = given(name);
    return typeof value === "string" ? value : undefined;
  };
  const shared = values.get("authfile");
  return {
    creds: textOf("creds"),
    username: textOf("username"),
    password: textOf("password"),
    "no-creds": given("no-creds") === true,
    authfile: textOf("authfile") ?? (typeof shared === "string" ? shared : undefined),
    "cert-dir": textOf("cert-dir"),
    "tls-verify": given("tls-verify") !== false,
  };
}

/**
 * The transport room's options for a registry. What it warns of is given to `note`.
 *
 * @throws invalid-argument when options contradict each other
 */
export function registryAccess(
  access: AccessValues,
  note: (text: string) => void,
  retryTimes?: number,
): RegistryOptions {
  const credentials = credentialsOf(access);
  return {
    onWarning: ({ registry, text }) => note(`Warning from ${registry}: ${text}`),
    onMistrust: ({ host, error }) => note(`Warning: ${host} is asked no more: ${error.message}`),
    ...(access["tls-verify"] ? {} : { insecure: true }),
    ...(credentials === undefined ? {} : { credentials }),
    ...(access.authfile === undefined ? {} : { authFile: access.authfile }),
    ...(access["cert-dir"] === undefined ? {} : { certificateDirectory: access["cert-dir"] }),
    ...(retryTimes === undefined ? {} : { attempts: retryTimes + 1 }),
  };
}

function credentialsOf(access: AccessValues): Credentials | "anonymous" | undefined {
  const { creds, username, password } = access;
  const ways = [creds !== undefined, username !== undefined || password !== undefined, access["no-creds"]];
  if (ways.filter(Boolean).length > 1) {
    throw new CortenError(
      "invalid-argument",
      "creds, username with password, and no-creds exclude each other",
    );
  }
  if (access["no-creds"]) return "anonymous";
  if (creds !== undefined) {
    const colon = creds.indexOf(":");
    // The text itself is a secret and stays out of the message.
    if (colon < 1) throw new CortenError("invalid-argument", "the credentials are not USER:PASSWORD");
    return { username: creds.slice(0, colon), password: creds.slice(colon + 1) };
  }
  if (username === undefined && password === undefined) return undefined;
  if (username === undefined || password === undefined) {
    throw new CortenError("invalid-argument", "username and password are given together");
  }
  return { username, password };
}
