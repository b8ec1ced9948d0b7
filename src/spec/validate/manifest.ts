import type { Descriptor, ImageManifest } from "../image.ts";
import { MediaType } from "../media-types.ts";
import { examineAnnotations } from "./annotations.ts";
import { examineDescriptor, examineMediaType } from "./descriptor.ts";
import type { Examined } from "./examined.ts";
import { examineHead } from "./head.ts";

/** A manifest as far as it is usable: what is broken is left out, and its place is undefined. */
export interface ExaminedManifest extends Pick<ImageManifest, "artifactType"> {
  readonly kind: "manifest";
  readonly config: Descriptor | undefined;
  readonly layers: readonly (Descriptor | undefined)[];
  readonly subject: Descriptor | undefined;
}

/** Judges an image manifest (manifest.md). */
export function examineManifest(root: Examined, announced: string | undefined): ExaminedManifest {
  examineHead(root, announced, [MediaType.imageManifest, MediaType.dockerManifest]);
  const manifests = root.field("manifests");
  if (manifests.value !== undefined) manifests.report("document-kind", "does not belong in a manifest");
  const config = root.required("config");
  const layers = root.required("layers");
  const artifactType = examineMediaType(root.optional("artifactType"));
  const subject = root.optional("subject");
  const annotations = root.optional("annotations");
  if (annotations !== undefined) examineAnnotations(annotations);
  const found = {
    kind: "manifest" as const,
    config: config === undefined ? undefined : examineDescriptor(config),
    layers: layers?.items().map(examineDescriptor) ?? [],
    subject: subject === undefined ? undefined : examineDescriptor(subject),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
  if (layers !== undefined && Array.isArray(layers.value) && layers.value.length === 0) {
    layers.report("no-layers", "is empty, which some registries and engines refuse");
  }
  if (found.config?.mediaType === MediaType.empty && artifactType === undefined) {
    root.field("artifactType").report("artifact-type", "is missing, but the configuration is empty");
  }
  for (const [index, layer] of found.layers.entries()) {
    if (layer?.mediaType.includes(".nondistributable.")) {
      root.field("layers").items()[index]!.field("mediaType").report("nondistributable", "is deprecated");
    }
  }
  return found;
}
