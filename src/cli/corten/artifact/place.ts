import { CortenError, parseReference } from "../../../spec/index.ts";
import type { DiskPlace, RegistryPlace } from "../../../transport/index.ts";
import { parsePlace } from "../../../transport/index.ts";
import { isPlace } from "../images/origin.ts";

/** Where artifacts can be. */
export type ArtifactPlace = RegistryPlace | (DiskPlace & { readonly kind: "layout" });

/** The place that the user means: a name is one in a registry. */
export function artifactPlace(text: string): ArtifactPlace {
  if (!isPlace(text)) return { kind: "registry", reference: parseReference(text) };
  const place = parsePlace(text);
  if (place.kind === "registry") return place;
  const { kind } = place;
  if (kind === "layout") return { ...place, kind };
  throw new CortenError("invalid-argument", `"${text}" is neither in a registry nor in a layout`, {
    hint: "corten copy brings an artifact there and back",
  });
}

/** The same with several tags behind the name: `app:1,latest`. */
export function artifactPlaces(text: string): readonly ArtifactPlace[] {
  const [first = "", ...tags] = text.split(",");
  const place = artifactPlace(first);
  if (tags.length === 0) return [place];
  if (place.kind === "layout") return [place, ...tags.map((ref) => ({ ...place, ref }))];
  const { registry, repository } = place.reference;
  const others = tags.map((tag) => artifactPlace(`docker://${registry}/${repository}:${tag}`));
  return [place, ...others];
}
