import type { Descriptor } from "../../spec/index.ts";
import { Annotation, MediaType, parseIndex, parseReference, parseStrictJson } from "../../spec/index.ts";

/** The `oci-layout` file (image-spec, image-layout.md). */
export const LAYOUT_HEADER: Uint8Array = new TextEncoder().encode('{"imageLayoutVersion":"1.0.0"}');

/**
 * The bytes of an `index.json` with `entry` under the name `ref`. What else the index holds stays as it
 * is, fields that Corten does not know included; an entry that had the name before gives it up.
 *
 * @param old the present index.json; undefined for a new layout
 * @throws invalid-argument when the old index is not valid
 */
export function indexWith(
  old: Uint8Array | undefined,
  entry: Descriptor,
  ref: string | undefined,
): Uint8Array {
  const kept = old === undefined ? { schemaVersion: 2, mediaType: MediaType.imageIndex } : readIndex(old);
  const manifests = (kept["manifests"] ?? []) as readonly Descriptor[];
  const replaced = (other: Descriptor): boolean => {
    const name = other.annotations?.[Annotation.refName];
    return ref === undefined ? name === undefined && other.digest === entry.digest : name === ref;
  };
  const { annotations: _, ...bare } = entry;
  const named = ref === undefined ? bare : { ...bare, annotations: nameAnnotations(ref) };
  const index = { ...kept, manifests: [...manifests.filter((other) => !replaced(other)), named] };
  return new TextEncoder().encode(JSON.stringify(index));
}

/** The bytes of an `index.json` without the entry at a position; all else stays as it is. */
export function indexWithout(old: Uint8Array, position: number): Uint8Array {
  const kept = readIndex(old);
  const manifests = (kept["manifests"] as readonly unknown[]).toSpliced(position, 1);
  return new TextEncoder().encode(JSON.stringify({ ...kept, manifests }));
}

/** {@link indexWith} for an image of several names; none at all is one entry without a name. */
export function indexWithNames(
  old: Uint8Array | undefined,
  entry: Descriptor,
  names: readonly string[],
): Uint8Array {
  const [first, ...others] = new Set(names);
  return others.reduce((index, name) => indexWith(index, entry, name), indexWith(old, entry, first));
}

function readIndex(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  parseIndex(bytes, undefined, { what: "index.json" });
  return parseStrictJson(bytes, "index.json") as Readonly<Record<string, unknown>>;
}

/** containerd and Docker look for the full name beside the short one. */
function nameAnnotations(ref: string): Readonly<Record<string, string>> {
  const full = ref.includes("/") || ref.includes(":") ? fullName(ref) : undefined;
  return {
    ...(full === undefined ? {} : { [Annotation.containerdImageName]: full }),
    [Annotation.refName]: ref,
  };
}

function fullName(ref: string): string | undefined {
  try {
    parseReference(ref);
    return ref;
  } catch {
    return undefined; // any text may name an image in a layout; this one is no registry reference
  }
}
