import { isAbsolute, join } from "node:path";
import type { JsonView } from "../../spec/index.ts";
import { TrustedProxies } from "./client-address.ts";
import { CERTIFICATE_NAMES, type CertificateName } from "./client-certificate.ts";
import { EXTERNAL_ALGORITHMS, type ExternalIssuerOptions } from "./external-issuer.ts";
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from "./key-file.ts";
import { LocalGroups } from "./local-groups.ts";
import { Policies } from "./policies.ts";
import { choice, list, onlyFields, optional, seconds, text } from "./settings.ts";

/** Settings of the registry's own token endpoint. */
export interface TokenSettings {
  /** Where clients find the endpoint; absent: at the address that the client itself used. */
  readonly url: string | undefined;
  readonly service: string;
  readonly keys: string;
  readonly algorithm: SigningAlgorithm;
  readonly lifetime: number;
  readonly refreshLifetime: number;
}

/** The section `access` of the configuration file, read and checked. */
export interface AccessSettings {
  readonly htpasswd: string | undefined;
  readonly groups: LocalGroups;
  readonly certificates: readonly CertificateName[] | undefined;
  /** Absent when it is switched off. */
  readonly tokens: TokenSettings | undefined;
  readonly issuers: readonly ExternalIssuerOptions[];
  /** A token service elsewhere that challenges point to. */
  readonly externalRealm: { readonly url: string; readonly service: string } | undefined;
  readonly realm: string;
  readonly proxies: TrustedProxies;
  readonly policies: Policies;
}

/** What the configuration does not say itself. */
export interface AccessDefaults {
  /** Paths are relative to this directory: that of the configuration file. */
  readonly base: string;
  /** A private directory of the server, where it keeps the keys of its tokens. */
  readonly state: string | undefined;
}

/** As labels they would let an issuer make up the names of client certificates: `spiffe://…`. */
const URI_SCHEMES = ["http", "https", "spiffe", "urn"];

/** A word that may stand in a quoted string of a header. */
const HEADER_WORD = /^[\w.:/@ -]{1,200}$/;

/**
 * Reads the section `access`.
 *
 * @throws invalid-argument that names the key at fault
 */
export function readAccessSettings(view: JsonView, defaults: AccessDefaults): AccessSettings {
  onlyFields(view, [
    "realm",
    "htpasswd",
    "groups",
    "clientCertificates",
    "tokens",
    "issuers",
    "trustedProxies",
    "policies",
    "immutableTags",
  ]);
  const path = (field: JsonView): string => pathIn(field, defaults.base);
  const realm = optional(view.field("realm"), headerWord) ?? "corten";
  const htpasswd = optional(view.field("htpasswd"), path);
  const issuers = view.field("issuers").absent ? [] : readIssuers(view.field("issuers"), path);
  const externalRealm = readExternalRealm(view.field("issuers"));
  const tokens = readTokens(view.field("tokens"), {
    realm,
    defaults,
    wanted: externalRealm === undefined && (htpasswd !== undefined || issuers.length > 0),
  });
  if (issuers.some(({ issuer }) => issuer === tokens?.service)) {
    throw view.field("tokens").field("service").fault("is the name of an issuer as well");
  }
  const policies = Policies.read(view.field("policies"), view.field("immutableTags"));
  if (tokens !== undefined && externalRealm !== undefined) {
    throw view
      .field("tokens")
      .fault("is there beside an issuer with a realm", "a challenge can name only one: leave out one");
  }
  if (
    tokens === undefined &&
    externalRealm === undefined &&
    htpasswd !== undefined &&
    policies.admitsAnonymous
  ) {
    throw view
      .field("tokens")
      .fault(
        "is false while a policy admits anonymous",
        "without tokens a client asks once whether it must log in, for everything: allow tokens",
      );
  }
  return {
    htpasswd,
    groups: new LocalGroups(view.field("groups")),
    certificates: optional(view.field("clientCertificates"), readCertificates),
    tokens,
    issuers,
    externalRealm,
    realm,
    proxies: new TrustedProxies(view.field("trustedProxies")),
    policies,
  };
}

function readTokens(
  view: JsonView,
  {
    realm,
    defaults,
    wanted,
  }: { readonly realm: string; readonly defaults: AccessDefaults; readonly wanted: boolean },
): TokenSettings | undefined {
  if (view.value === false || (view.absent && !wanted)) return undefined;
  if (!view.absent) onlyFields(view, ["url", "service", "keys", "algorithm", "lifetime", "refreshLifetime"]);
  const field = <T>(name: string, read: (field: JsonView) => T): T | undefined =>
    view.absent ? undefined : optional(view.field(name), read);
  const keys =
    field("keys", (value) => pathIn(value, defaults.base)) ??
    (defaults.state === undefined ? undefined : join(defaults.state, "token-keys.json"));
  if (keys === undefined)
    throw view.fault("needs keys", "the path of a file that the server makes with random keys");
  return {
    url: field("url", httpUrl),
    service: field("service", headerWord) ?? realm,
    keys,
    algorithm: field("algorithm", (value) => choice(value, SIGNING_ALGORITHMS)) ?? "ES256",
    // Clients take a token that says less than a minute for one of a minute (Docker token specification).
    lifetime: field("lifetime", (value) => seconds(value, 60, 3600)) ?? 300,
    refreshLifetime: field("refreshLifetime", (value) => seconds(value, 60, 366 * 86_400)) ?? 30 * 86_400,
  };
}

function readIssuers(view: JsonView, path: (field: JsonView) => string): readonly ExternalIssuerOptions[] {
  const labels = Object.keys(view.object());
  const issuers = labels.map((label) => {
    const issuer = view.field(label);
    if (!/^[a-z0-9][a-z0-9-]*$/.test(label))
      throw issuer.fault("is no label", "small letters, digits and dashes");
    if (URI_SCHEMES.includes(label)) throw issuer.fault("is the scheme of URIs that certificates name");
    onlyFields(issuer, [
      "issuer",
      "audience",
      "jwks",
      "algorithms",
      "nameClaim",
      "groupsClaim",
      "clockLeeway",
      "decides",
      "realm",
    ]);
    const audience = list(issuer.field("audience"));
    if (audience.length === 0) throw issuer.field("audience").fault("is empty");
    const algorithms = optional(issuer.field("algorithms"), (field) =>
      field.items().map((item) => choice(item, EXTERNAL_ALGORITHMS)),
    );
    if (algorithms?.length === 0) throw issuer.field("algorithms").fault("is empty");
    return {
      label,
      issuer: text(issuer.field("issuer")),
      audience,
      jwks: readKeySource(issuer.field("jwks"), path),
      algorithms: algorithms ?? ["ES256", "EdDSA", "RS256"],
      nameClaim: optional(issuer.field("nameClaim"), claimPath) ?? ["sub"],
      groupsClaim: optional(issuer.field("groupsClaim"), claimPath) ?? ["groups"],
      clockLeeway: optional(issuer.field("clockLeeway"), (field) => seconds(field, 0, 300)) ?? 30,
      grantsDecide:
        optional(issuer.field("decides"), (field) => choice(field, ["policies", "token"])) === "token",
    };
  });
  const names = issuers.map(({ issuer }) => issuer);
  const twice = issuers.find(({ issuer }, index) => names.indexOf(issuer) !== index);
  if (twice !== undefined)
    throw view.field(twice.label).field("issuer").fault("is that of another one as well");
  return issuers;
}

/** One issuer may have a token service of its own, which clients are sent to. */
function readExternalRealm(view: JsonView): AccessSettings["externalRealm"] {
  if (view.absent) return undefined;
  const found = Object.keys(view.object())
    .map((label) => view.field(label))
    .filter((issuer) => !issuer.field("realm").absent);
  if (found.length > 1) throw found[1]!.field("realm").fault("is there for another issuer as well");
  return found[0] === undefined
    ? undefined
    : { url: httpUrl(found[0].field("realm")), service: headerWord(found[0].field("audience").items()[0]!) };
}

function readCertificates(view: JsonView): readonly CertificateName[] {
  onlyFields(view, ["names"]);
  const names = optional(view.field("names"), (field) =>
    field.items().map((item) => choice(item, CERTIFICATE_NAMES)),
  );
  if (names?.length === 0) throw view.field("names").fault("is empty");
  return names ?? CERTIFICATE_NAMES;
}

/** Keys that come over an unprotected network are whose network it is. */
function readKeySource(view: JsonView, path: (field: JsonView) => string): URL | string {
  if (!/^https?:/i.test(text(view))) return path(view);
  const url = new URL(httpUrl(view));
  const loopback = ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  if (url.protocol !== "https:" && !loopback) throw view.fault("is not https");
  return url;
}

function claimPath(view: JsonView): readonly string[] {
  const path = Array.isArray(view.value) ? list(view) : [text(view)];
  if (path.length === 0) throw view.fault("is empty");
  return path;
}

function httpUrl(view: JsonView): string {
  const value = text(view);
  if (!/^https?:\/\/[^\s"\\]+$/.test(value) || !URL.canParse(value))
    throw view.fault("is no http or https URL");
  return value;
}

function headerWord(view: JsonView): string {
  if (!HEADER_WORD.test(text(view))) throw view.fault("has characters that cannot stand in a header");
  return view.string();
}

function pathIn(view: JsonView, base: string): string {
  const path = text(view);
  return isAbsolute(path) ? path : join(base, path);
}
