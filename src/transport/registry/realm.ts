import { CortenError } from "../../spec/index.ts";
import type { Reach } from "./network.ts";
import { hostOf, isLoopback, reachOf } from "./network.ts";

/** The registry that named a token service or a redirect. */
export interface Referrer {
  /** The registry's own base URL. */
  readonly url: URL;
  /** The address that answered for it, when known. */
  readonly peer: string | undefined;
  /** Hosts that the user trusts with this registry's credentials whatever the rules say. */
  readonly trusted: readonly string[];
}

/** A URL that may be contacted, and the addresses it may have. */
export interface Target {
  readonly url: URL;
  readonly addresses: readonly Reach[] | undefined;
}

/**
 * Decides whether a token service may be asked, with or without credentials. The realm of a
 * challenge is the registry's word alone: a hostile one names its own server to harvest passwords, or
 * an internal one to make this machine call it (CVE-2026-33540).
 *
 * The registry's own origin is always fine. Another host must speak https unless the registry itself
 * is on this machine; its addresses must reach as far as the registry's: never loopback or link-local
 * unless the registry is on this machine, never a private network unless the registry is in one.
 *
 * @throws unauthenticated naming the realm
 */
export function checkRealm(realm: string | undefined, referrer: Referrer): Target {
  if (realm === undefined || realm === "") throw refused(referrer, "no token service");
  const url = parseUrl(realm, referrer.url);
  if (url === undefined) throw refused(referrer, `"${realm.slice(0, 200)}"`);
  if (url.origin === referrer.url.origin || referrer.trusted.includes(url.host))
    return { url, addresses: undefined };
  const home = isLoopback(hostOf(referrer.url));
  const sameHost = hostOf(url) === hostOf(referrer.url);
  const downgrade = url.protocol === "http:" && !(sameHost && referrer.url.protocol === "http:");
  if (downgrade && !home) throw refused(referrer, `${url.origin}, which is not https`);
  if (sameHost || home) return { url, addresses: undefined };
  if (isLoopback(hostOf(url))) throw refused(referrer, `${url.origin}, which is this machine`);
  const inside = referrer.peer !== undefined && reachOf(referrer.peer) !== "public";
  return { url, addresses: inside ? ["public", "private"] : ["public"] };
}

/**
 * Decides whether a redirect may be followed: never from https to http, never to another host's
 * loopback or link-local address unless the registry is on this machine.
 *
 * @throws permission-denied naming the target without its query
 */
export function checkRedirect(location: string, from: URL, referrer: Referrer, insecure: boolean): Target {
  const url = parseUrl(location, from);
  const shown = url === undefined ? JSON.stringify(location.slice(0, 100)) : `${url.origin}${url.pathname}`;
  const denied = (why: string) =>
    new CortenError("permission-denied", `${referrer.url.host} redirects to ${shown}, ${why}`);
  if (url === undefined) throw denied("which is no http or https URL without credentials");
  if (from.protocol === "https:" && url.protocol === "http:" && !insecure) throw denied("which is not https");
  if (url.origin === from.origin || isLoopback(hostOf(referrer.url))) return { url, addresses: undefined };
  if (isLoopback(hostOf(url))) throw denied("which is this machine");
  return { url, addresses: ["public", "private"] };
}

/** An absolute or relative http(s) URL without user information. */
function parseUrl(text: string, base: URL): URL | undefined {
  if (!URL.canParse(text, base)) return undefined;
  const url = new URL(text, base);
  const plain = url.username === "" && url.password === "";
  return plain && (url.protocol === "https:" || url.protocol === "http:") ? url : undefined;
}

function refused({ url }: Referrer, what: string): CortenError {
  return new CortenError(
    "unauthenticated",
    `${url.host} names ${what} as its token service, which may not get credentials`,
    {
      hint: "if the service is right, name its host as trusted for this registry",
    },
  );
}
