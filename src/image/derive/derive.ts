import type { Descriptor, Digest, Platform } from "../../spec/index.ts";
import { isIndexType } from "../../spec/index.ts";
import type { Document, ImageSource } from "../../transport/index.ts";
import { walkDocuments } from "../../transport/index.ts";
import { chooseFromSource } from "../choose-from-source.ts";
import { isImageConfigType } from "../config-check.ts";
import { convertIndex } from "../copy/convert.ts";
import type { SourceImage } from "../source-image.ts";
import { imageOfManifest } from "../source-image.ts";
import type { Workbench } from "./workbench.ts";

/** Which images of a multi-platform image are changed. */
export interface DeriveOptions {
  /** Change every platform's image and keep the index; otherwise only the one for `platform` is left. */
  readonly all?: boolean;
  /** Default: this host's. */
  readonly platform?: Platform;
  readonly signal?: AbortSignal;
}

/**
 * A view of an image in which `change` was made to each of its images. Attestations and artifacts in an
 * index stay, and name the changed images where they named the old ones.
 *
 * @param change gives the manifest, which it has put on the workbench
 */
export async function deriveImage(
  source: ImageSource,
  bench: Workbench,
  options: DeriveOptions,
  change: (image: SourceImage) => Promise<Document>,
): Promise<ImageSource> {
  const call = options.signal === undefined ? {} : { signal: options.signal };
  const named = await source.root(call);
  if (options.all !== true || !isIndexType(named.descriptor.mediaType)) {
    const chosen = await chooseFromSource(source, named, options);
    return bench.view(source, await change(await imageOfManifest(source, chosen, call)));
  }
  const documents = new Map<Digest, Descriptor>();
  let last = named;
  for await (const { document, parsed } of walkDocuments(source, named, call)) {
    if (parsed.kind === "index") {
      last = await convertIndex(document, {}, { layers: new Map(), documents });
      bench.keep(last);
    } else if (isImageConfigType(parsed.manifest.config.mediaType) && !isAttestationManifest(document)) {
      last = await change(await imageOfManifest(source, document, call));
    } else last = document;
    if (last !== document) documents.set(document.descriptor.digest, last.descriptor);
  }
  return bench.view(source, last);
}

/** BuildKit's attestations have the configuration of an image, but are none. */
function isAttestationManifest({ descriptor: { platform } }: Document): boolean {
  return platform?.os === "unknown";
}
