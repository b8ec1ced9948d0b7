import type { ByteString } from "./byte-string.ts";

/** The longest name of a file on Linux, NAME_MAX. */
export const NAME_MAX = 255;

/**
 * The components of a name in an archive, made relative to the root by the text alone: empty ones
 * and `.` fall out, `..` takes back what is before it. The host's file system is never asked.
 *
 * @returns undefined when there is nothing left that a `..` could take back: such a name is meant to
 * get out of the root (containerd and umoci stop at the root, Docker refuses it like us)
 */
export function splitPath(path: ByteString): ByteString[] | undefined {
  const components: ByteString[] = [];
  for (const component of path.split("/")) {
    if (component === "" || component === ".") continue;
    if (component !== "..") components.push(component);
    else if (components.pop() === undefined) return undefined;
  }
  return components;
}

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
const AUFS = ".wh..wh.";

/** What the base name of an entry means (image-spec, layer.md "Whiteouts"). */
export type NameMeaning =
  | { readonly kind: "file" }
  | { readonly kind: "opaque" }
  | { readonly kind: "aufs" }
  | { readonly kind: "whiteout"; readonly name: ByteString };

/** Reads the base name of an entry. A whiteout's `name` may be empty, which the caller refuses. */
export function readBaseName(base: ByteString): NameMeaning {
  if (!base.startsWith(WHITEOUT)) return { kind: "file" };
  if (base === OPAQUE) return { kind: "opaque" };
  // `.wh..wh.plnk` and its like are aufs's own bookkeeping, which very old layers contain.
  if (base.startsWith(AUFS)) return { kind: "aufs" };
  return { kind: "whiteout", name: base.slice(WHITEOUT.length) };
}
