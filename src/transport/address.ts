import type { Reference } from "../spec/index.ts";
import { CortenError, canonicalReference, parseReference } from "../spec/index.ts";

/**
 * Where an image is, as a user names it. `ref` picks one of several images in the same place: a tag
 * (`org.opencontainers.image.ref.name`) in a layout, a reference such as `alpine:3` in a docker-archive.
 */
export type Place = RegistryPlace | DiskPlace | ForeignPlace;

/** An image in a registry. */
export interface RegistryPlace {
  readonly kind: "registry";
  readonly reference: Reference;
}

/** One or more images in files of this machine. */
export interface DiskPlace {
  /** An OCI layout, a tar archive of one, an archive of `docker save`, or a directory of skopeo's `dir:`. */
  readonly kind: "layout" | "oci-archive" | "docker-archive" | "directory";
  readonly path: string;
  /** Which image; a `directory` holds one, and it has no name. */
  readonly ref?: string;
  /** Which image to read, counted from 0, where names do not tell. Never in a `directory`. */
  readonly index?: number;
}

/** An image in the store of another engine on this machine, reached by that engine's own program. */
export interface ForeignPlace {
  /** Podman's, Buildah's and CRI-O's store, or that of a Docker daemon. */
  readonly kind: "containers-storage" | "docker-daemon";
  /** What the image is called there. */
  readonly name: string;
}

/** The transport names of skopeo and Podman, and what stands behind each. */
const SCHEMES = {
  oci: "layout",
  "oci-archive": "oci-archive",
  "docker-archive": "docker-archive",
  dir: "directory",
} as const satisfies Record<string, DiskPlace["kind"]>;

const FOREIGN: readonly string[] = ["containers-storage", "docker-daemon"] satisfies ForeignPlace["kind"][];

/** Every transport that {@link parsePlace} knows. */
export const TRANSPORTS: readonly string[] = ["docker", ...Object.keys(SCHEMES), ...FOREIGN];

/**
 * Parses `transport:rest` with skopeo's transport names: `docker://alpine:3`, `oci:dir:tag`,
 * `oci-archive:file.tar:tag`, `docker-archive:file.tar:name:tag`, `docker-archive:file.tar:@1` (the second
 * image), `dir:dir`, `containers-storage:name`, `docker-daemon:name:tag`. Paths cannot contain a colon.
 *
 * @throws invalid-argument, naming the text
 */
export function parsePlace(text: string): Place {
  const colon = text.indexOf(":");
  const scheme = colon < 0 ? "" : text.slice(0, colon);
  const rest = text.slice(colon + 1);
  if (scheme === "docker") {
    if (!rest.startsWith("//")) throw invalid(text, 'a registry image is written as "docker://name"');
    return { kind: "registry", reference: parseReference(rest.slice(2)) };
  }
  if (FOREIGN.includes(scheme)) {
    // It becomes an argument of another program, behind the transport's name.
    if (!isRefName(rest)) throw invalid(text, "the image's name is empty or not printable");
    return { kind: scheme as ForeignPlace["kind"], name: rest };
  }
  if (!Object.hasOwn(SCHEMES, scheme)) {
    throw invalid(text, `the transport "${scheme}" is not one of ${TRANSPORTS.join(", ")}`);
  }
  const kind = SCHEMES[scheme as keyof typeof SCHEMES];
  if (kind === "directory") {
    if (rest === "" || /[:\0]/.test(rest)) throw invalid(text, "the path is empty, or has a colon or a NUL");
    return { kind, path: rest };
  }
  const split = rest.indexOf(":");
  const path = split < 0 ? rest : rest.slice(0, split);
  const ref = split < 0 ? "" : rest.slice(split + 1);
  if (path === "" || path.includes("\0")) throw invalid(text, "the path is empty or has a NUL");
  if (ref === "") return { kind, path };
  if (/^@\d{1,9}$/.test(ref)) return { kind, path, index: Number(ref.slice(1)) };
  if (kind === "docker-archive") parseReference(ref);
  else if (!isRefName(ref)) throw invalid(text, `"${ref}" is not a reference name`);
  return { kind, path, ref };
}

/** The text that {@link parsePlace} reads back as `place`. */
export function printPlace(place: Place): string {
  if (place.kind === "registry") return `docker://${canonicalReference(place.reference)}`;
  if ("name" in place) return `${place.kind}:${place.name}`;
  if (place.kind === "directory") return `dir:${place.path}`;
  const scheme = place.kind === "layout" ? "oci" : place.kind;
  const ref = place.index === undefined ? place.ref : `@${place.index}`;
  return `${scheme}:${place.path}${ref === undefined ? "" : `:${ref}`}`;
}

/** Annotation values are free text; one that a command line or a log could misread is not a name. */
function isRefName(text: string): boolean {
  return /^[\x21-\x7e]{1,512}$/.test(text);
}

function invalid(text: string, why: string): CortenError {
  return new CortenError("invalid-argument", `invalid image place "${text.slice(0, 200)}": ${why}`);
}
