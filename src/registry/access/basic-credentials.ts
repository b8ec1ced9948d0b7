/** A name and password as `Authorization: Basic` carries them. */
export interface BasicCredentials {
  readonly name: string;
  readonly password: string;
}

/** Far more than a token used as a password takes; headers are capped by the server as well. */
const MAX_LENGTH = 16 * 1024;

/** The scheme and the rest of an Authorization header, or undefined when it has no such form. */
export function splitAuthorization(
  header: string,
): { readonly scheme: string; readonly value: string } | undefined {
  const found = /^([A-Za-z]+) +([^ ].*?) *$/.exec(header);
  return found === null ? undefined : { scheme: found[1]!.toLowerCase(), value: found[2]! };
}

/**
 * Reads the value of Basic credentials (RFC 7617: base64 of `name:password`, UTF-8), or returns undefined when
 * they are malformed. Control characters have no place in either half (RFC 7617, section 2).
 */
export function parseBasic(value: string): BasicCredentials | undefined {
  if (value.length > MAX_LENGTH || !/^[A-Za-z0-9+/]+={0,2}$/.test(value)) return undefined;
  let decoded: string;
  try {
    decoded = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(value, "base64"));
  } catch {
    return undefined; // not UTF-8
  }
  const colon = decoded.indexOf(":");
  if (colon < 1 || /[\u0000-\u001f\u007f]/.test(decoded)) return undefined;
  return { name: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}
