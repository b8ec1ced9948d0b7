import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SecureContext } from "node:tls";
import { createSecureContext, rootCertificates } from "node:tls";
import { CortenError } from "../../spec/index.ts";

/** Where Docker and containers(5) look for certificates of one registry. */
export const CERTIFICATE_DIRECTORIES = ["/etc/containers/certs.d", "/etc/docker/certs.d"];

/** The machine's own bundle of authorities, by distribution: it holds what an administrator added. */
const SYSTEM_BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** Certificates that are for one host alone. */
export interface OwnCertificates {
  /** A directory of files such as those in certs.d; it has to exist. */
  readonly directory?: string | undefined;
  /** Files of authorities. */
  readonly ca: readonly string[];
  /** Files of client certificates and their keys. */
  readonly client: readonly (readonly [certificate: string, key: string])[];
}

/**
 * The TLS identity and trust for one registry host: the system's authorities, and from `certs.d/<host>`
 * every `*.crt` as a further authority and every `*.cert` with its `*.key` as a client certificate.
 *
 * @param own what is for this very host
 * @throws failed-precondition naming the file that cannot be used
 */
export async function tlsContext(
  host: string,
  directories: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  own: OwnCertificates = { ca: [], client: [] },
): Promise<SecureContext> {
  const authorities: (string | Buffer)[] = await systemAuthorities(environment["SSL_CERT_FILE"]);
  const pairs: { cert: Buffer; key: Buffer }[] = [];
  // A redirect may name any host, "https://../" included.
  const found = host.startsWith(".") ? [] : directories.map((parent) => join(parent, host));
  for (const path of own.ca) authorities.push(await read(path));
  for (const [cert, key] of own.client) pairs.push({ cert: await read(cert), key: await read(key) });
  for (const directory of own.directory === undefined ? found : [own.directory, ...found]) {
    for (const file of await namesIn(directory, directory === own.directory)) {
      const path = join(directory, file);
      if (file.endsWith(".crt")) authorities.push(await read(path));
      if (file.endsWith(".cert")) {
        pairs.push({ cert: await read(path), key: await read(`${path.slice(0, -".cert".length)}.key`) });
      }
    }
  }
  try {
    return createSecureContext({
      ca: authorities,
      ...(pairs.length === 0
        ? {}
        : { cert: pairs.map(({ cert }) => cert), key: pairs.map(({ key }) => key) }),
    });
  } catch (cause) {
    throw new CortenError(
      "failed-precondition",
      `a certificate for ${host} in ${[own.directory, ...own.ca, ...directories].filter(Boolean).join(" or ")} is not valid`,
      { cause },
    );
  }
}

async function systemAuthorities(configured: string | undefined): Promise<(string | Buffer)[]> {
  if (configured) return [await read(configured)];
  for (const path of SYSTEM_BUNDLES) {
    try {
      return [await readFile(path)];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw unreadable(path, error);
    }
  }
  return [...rootCertificates];
}

async function namesIn(directory: string, required: boolean): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!required && (code === "ENOENT" || code === "ENOTDIR")) return [];
    throw unreadable(directory, error);
  }
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): CortenError {
  const errno = (cause as NodeJS.ErrnoException).code ?? "unknown";
  return new CortenError("failed-precondition", `cannot read ${path}: ${errno}`, { cause, errno });
}
