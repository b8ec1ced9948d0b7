import type { Digest } from "./digest.ts";
import { parseDigest } from "./digest.ts";
import { CortenError } from "./error.ts";

/** An image reference with every default filled in: what the user typed names exactly this. */
export interface Reference {
  /** Registry host and optional port in lower case, e.g. `docker.io`, `localhost:5000`, `[::1]:5000`. */
  readonly registry: string;
  /** Repository path inside the registry, e.g. `library/alpine`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

/** The registry that a name without a host means. */
export const DEFAULT_REGISTRY = "docker.io";
const DEFAULT_TAG = "latest";
const OFFICIAL = "library/";

/** Longest host plus repository (distribution-spec, "Pulling manifests"). */
const MAX_NAME = 255;
/** Longest text worth looking at: name, tag (128) and a sha512 digest, with their separators. */
const MAX_TEXT = MAX_NAME + 1 + 128 + 1 + 135;

const LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
const REGISTRY = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[a-f0-9:.]+\\])(?::([0-9]{1,5}))?$`);
const COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const IMAGE_ID = /^[a-f0-9]{64}$/;

/** True when `text` is a tag (distribution-spec, "Pulling manifests"). */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** True when `text` is a repository path without a host (same section). */
export function isRepository(text: string): boolean {
  return text.length <= MAX_NAME && REPOSITORY.test(text);
}

/**
 * Parses a reference the way Docker's users type it: `alpine`, `alpine:3`, `quay.io/a/b@sha256:…`,
 * `localhost/x`, `host:5000/a/b:tag@sha256:…`. A name without a host is on docker.io, a single
 * component there is under `library/`, and where neither tag nor digest is given the tag is `latest`.
 *
 * @throws invalid-argument, naming the text and the part at fault
 */
export function parseReference(text: string): Reference {
  if (text.length > MAX_TEXT) throw invalid(text, `longer than ${MAX_TEXT} characters`);
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : parseDigestOf(text, text.slice(at + 1));
  const beforeDigest = at < 0 ? text : text.slice(0, at);
  const colon = beforeDigest.lastIndexOf(":");
  const hasTag = colon > beforeDigest.lastIndexOf("/") && !beforeDigest.endsWith("]");
  const name = hasTag ? beforeDigest.slice(0, colon) : beforeDigest;
  const typedTag = hasTag ? beforeDigest.slice(colon + 1) : undefined;
  if (typedTag !== undefined && !TAG.test(typedTag)) throw invalid(text, `"${typedTag}" is not a tag`);
  const [registry, repository] = splitName(text, name);
  const tag = typedTag ?? (digest === undefined ? DEFAULT_TAG : undefined);
  return {
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** The full form, e.g. `docker.io/library/alpine:latest`: what two equal references share. */
export function canonicalReference(reference: Reference): string {
  return `${reference.registry}/${reference.repository}${suffix(reference)}`;
}

/** The short form that users read, e.g. `alpine:latest`; parses back to the same reference. */
export function familiarReference(reference: Reference): string {
  return `${familiarName(reference)}${suffix(reference)}`;
}

/** The short form without tag and digest, e.g. `alpine`, `quay.io/a/b`. */
export function familiarName({ registry, repository }: Reference): string {
  if (registry !== DEFAULT_REGISTRY) return `${registry}/${repository}`;
  const rest = repository.startsWith(OFFICIAL) ? repository.slice(OFFICIAL.length) : repository;
  if (rest !== repository && !rest.includes("/") && !IMAGE_ID.test(rest)) return rest;
  const first = repository.split("/", 1)[0]!;
  // Without its host, "docker.io/a.b/c" would name the host a.b.
  const ambiguous = !repository.includes("/") || first.includes(".") || first === "localhost";
  return ambiguous || rest !== repository ? `${registry}/${repository}` : repository;
}

function suffix({ tag, digest }: Reference): string {
  return `${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

function splitName(text: string, name: string): [registry: string, repository: string] {
  if (name === "") throw invalid(text, "the name is empty");
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const hasHost = /[.:]/.test(first) || first.toLowerCase() === "localhost";
  const typed = hasHost ? first.toLowerCase() : DEFAULT_REGISTRY;
  const registry = typed === "index.docker.io" ? DEFAULT_REGISTRY : typed;
  const port = REGISTRY.exec(registry);
  if (port === null || Number(port[1] ?? 1) < 1 || Number(port[1] ?? 1) > 65535) {
    throw invalid(text, `"${first}" is not a registry host`);
  }
  const path = hasHost ? name.slice(slash + 1) : name;
  if (/[A-Z]/.test(path)) {
    throw invalid(
      text,
      `the repository name "${path}" must be lower case`,
      `did you mean "${text.replace(path, path.toLowerCase())}"?`,
    );
  }
  if (!hasHost && IMAGE_ID.test(path))
    throw invalid(text, "64 hexadecimal digits are an image id, not a name");
  if (!REPOSITORY.test(path)) throw invalid(text, `"${path}" is not a repository name`);
  const repository = registry === DEFAULT_REGISTRY && !path.includes("/") ? `${OFFICIAL}${path}` : path;
  if (registry.length + 1 + repository.length > MAX_NAME) {
    throw invalid(text, `the name is longer than ${MAX_NAME} characters`);
  }
  return [registry, repository];
}

function parseDigestOf(text: string, digest: string): Digest {
  try {
    return parseDigest(digest);
  } catch (cause) {
    throw new CortenError(
      "invalid-argument",
      `invalid reference "${shorten(text)}": ${(cause as Error).message}`,
      { cause },
    );
  }
}

function invalid(text: string, why: string, hint?: string): CortenError {
  return new CortenError(
    "invalid-argument",
    `invalid reference "${shorten(text)}": ${why}`,
    hint === undefined ? {} : { hint },
  );
}

function shorten(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, 100)}…` : text;
}
