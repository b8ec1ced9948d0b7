import type { IncomingMessage } from "node:http";
import type { PeerCertificate, TLSSocket } from "node:tls";
import { CortenError } from "../../spec/index.ts";

/** Where in a certificate the name stands. */
export type CertificateName = "commonName" | "uri";
export const CERTIFICATE_NAMES: readonly CertificateName[] = ["uri", "commonName"];

/**
 * The name that a client's verified certificate proves, or undefined when the connection has none.
 *
 * @param names where to look, the first that is there counts
 * @throws unauthenticated when there is a certificate that is not verified, or has no single name
 */
export function certificateName(
  request: IncomingMessage,
  names: readonly CertificateName[],
): string | undefined {
  const socket = request.socket as Partial<TLSSocket>;
  if (socket.encrypted !== true || socket.getPeerCertificate === undefined) return undefined;
  // Without a certificate Node gives an empty object, Bun nothing at all.
  const certificate = socket.getPeerCertificate() as Partial<PeerCertificate> | undefined;
  if (certificate?.raw === undefined) return undefined;
  if (socket.authorized !== true) {
    throw new CortenError("unauthenticated", "the client certificate is not verified", {
      cause: socket.authorizationError,
    });
  }
  return nameIn(certificate, names);
}

/** @throws unauthenticated when there is no name, or more than one of a kind: which of them is meant nobody knows */
export function nameIn(
  { subject, subjectaltname }: Partial<PeerCertificate>,
  names: readonly CertificateName[],
): string {
  for (const place of names) {
    const found = place === "uri" ? uris(subjectaltname ?? "") : commonNames(subject);
    if (found.length > 1) throw refused(`has more than one ${place}`);
    const [name] = found;
    if (name === undefined) continue;
    // With a colon it could be a workload's URI, or a name of another issuer with its label.
    if (name === "" || (place === "commonName" && name.includes(":"))) {
      throw refused(`has an unusable ${place}`);
    }
    return name;
  }
  throw refused(`has no ${names.join(" or ")}`);
}

function commonNames(subject: Partial<PeerCertificate["subject"]> | undefined): readonly string[] {
  const found: unknown = subject?.CN;
  return (Array.isArray(found) ? found : [found]).filter((name) => typeof name === "string");
}

/**
 * The URIs of a subject alternative name in Node's text form, `URI:spiffe://a/b, DNS:c`. A value that could be taken
 * for more than one stands there as a JSON string (CVE-2021-44532), so commas are looked for outside of quotes.
 */
function uris(text: string): readonly string[] {
  const entries = text.match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? [];
  return entries
    .map((entry) => entry.trim())
    .filter((entry) => entry.startsWith("URI:"))
    .map((entry) => entry.slice(4))
    .map((value) => (value.startsWith('"') ? unquote(value) : value));
}

function unquote(value: string): string {
  try {
    return String(JSON.parse(value));
  } catch {
    throw refused("has a malformed URI");
  }
}

function refused(why: string): CortenError {
  return new CortenError("unauthenticated", `the client certificate ${why}`);
}
