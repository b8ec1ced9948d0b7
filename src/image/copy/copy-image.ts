import type { Descriptor, Digest } from "../../spec/index.ts";
import { CortenError, isIndexType } from "../../spec/index.ts";
import type { Document, ImageNode, ImageSink, ImageSource } from "../../transport/index.ts";
import { walkDocuments } from "../../transport/index.ts";
import { chooseFromSource } from "../choose-from-source.ts";
import { everyOf } from "../every-of.ts";
import type { CopiedBlob } from "./blob.ts";
import { copyBlob } from "./blob.ts";
import { convertIndex, convertManifest, newCompression, planConversion } from "./convert.ts";
import { isNondistributable } from "./media-types.ts";
import type { CopyOptions } from "./options.ts";
import { Turns } from "./turns.ts";

const DEFAULT_PARALLEL = 4;
/** All manifests of one image together: they are held in memory until its blobs are there. */
const MAX_DOCUMENTS_SIZE = 64 * 1024 * 1024;

/**
 * Copies an image from one place to another, in streams, without a store between. Documents and blobs are
 * the source's bytes unless a conversion is asked for; what the destination has is not sent again; the
 * destination's name is set last.
 *
 * @returns the document that the destination's name means now
 * @throws not-found when the image is not there for the platform; failed-precondition when a conversion
 *   is not possible or would change a digest that is to be preserved; the errors of source and sink
 */
export async function copyImage(
  source: ImageSource,
  sink: ImageSink,
  options: CopyOptions = {},
): Promise<Document> {
  const { multiArch = "system", signal, convert = {}, onProgress } = options;
  const call = signal === undefined ? {} : { signal };
  const named = await source.root(call);
  if (multiArch === "index-only") return copyIndexAlone(named, sink, options);
  const root = multiArch === "all" ? named : await chooseFromSource(source, named, options);
  onProgress?.({ type: "root", descriptor: root.descriptor });
  const nodes = await collectNodes(source, root, options);
  for (const { document, parsed } of nodes) {
    if (parsed.kind === "index") continue;
    const { changes } = planConversion(document, parsed.manifest, convert);
    if (changes && options.preserveDigests === true) throw notPreserved(document);
    const { descriptor } = document;
    onProgress?.({
      type: "manifest",
      descriptor,
      platform: descriptor.platform,
      layers: parsed.manifest.layers,
    });
  }
  const documents = new Map<Digest, Descriptor>();
  const replaced = { layers: await copyBlobs(source, sink, nodes, options), documents };
  let last = root;
  for (const { document, parsed } of nodes) {
    last =
      parsed.kind === "manifest"
        ? await convertManifest(document, parsed.manifest, convert, replaced)
        : await convertIndex(document, convert, replaced);
    checkPreserved(document, last, options);
    if (last !== document) documents.set(document.descriptor.digest, last.descriptor);
    if (document !== root) await sink.writeManifest(last, call);
  }
  await sink.commit(last, call);
  return last;
}

async function copyIndexAlone(root: Document, sink: ImageSink, options: CopyOptions): Promise<Document> {
  if (!isIndexType(root.descriptor.mediaType)) {
    throw new CortenError("failed-precondition", "only an index can be copied without its images", {
      hint: `the source is a "${root.descriptor.mediaType}"`,
    });
  }
  const copied = await convertIndex(root, options.convert ?? {}, { layers: new Map(), documents: new Map() });
  checkPreserved(root, copied, options);
  await sink.commit(copied, options.signal === undefined ? {} : { signal: options.signal });
  return copied;
}

async function collectNodes(
  source: ImageSource,
  root: Document,
  { signal }: CopyOptions,
): Promise<readonly ImageNode[]> {
  const nodes: ImageNode[] = [];
  let size = 0;
  for await (const node of walkDocuments(source, root, signal === undefined ? {} : { signal })) {
    nodes.push(node);
    size += node.document.bytes.length;
    if (size <= MAX_DOCUMENTS_SIZE) continue;
    throw new CortenError(
      "resource-exhausted",
      `${source.name}: the image's manifests are more than ${MAX_DOCUMENTS_SIZE} bytes`,
      { hint: "copy one platform of it" },
    );
  }
  return nodes;
}

/** Copies every configuration and layer once, and says what has become of those that were packed anew. */
async function copyBlobs(
  source: ImageSource,
  sink: ImageSink,
  nodes: readonly ImageNode[],
  options: CopyOptions,
): Promise<Map<Digest, CopiedBlob>> {
  const { parallel = DEFAULT_PARALLEL, signal, convert = {} } = options;
  const blobs = new Map<Digest, { readonly descriptor: Descriptor; readonly layer: boolean }>();
  for (const { parsed } of nodes) {
    if (parsed.kind === "index") continue;
    const { config, layers } = parsed.manifest;
    for (const layer of layers)
      if (!isLeftAtVendor(layer)) blobs.set(layer.digest, { descriptor: layer, layer: true });
    // A configuration that is listed as a layer as well is not to be packed anew.
    blobs.set(config.digest, { descriptor: config, layer: false });
  }
  const changed = new Map<Digest, CopiedBlob>();
  const turns = sink.ordered === true ? new Turns() : undefined;
  await everyOf(
    [...blobs.values()].entries().toArray(),
    { parallel, ...(signal === undefined ? {} : { signal }) },
    async ([number, { descriptor, layer }], both) => {
      const compression = layer ? newCompression(descriptor, convert) : undefined;
      const whenDue = () => turns?.wait(number, both) ?? Promise.resolve();
      const context = { source, sink, options, signal: both, whenDue };
      const copied = await copyBlob(context, descriptor, compression);
      if (copied.digest !== descriptor.digest) changed.set(descriptor.digest, copied);
      turns?.done(number);
    },
  );
  return changed;
}

/** Layers that may not be passed on stay where they are (image-spec, layer.md, "Non-Distributable Layers"). */
function isLeftAtVendor({ mediaType, urls = [] }: Descriptor): boolean {
  return urls.length > 0 && isNondistributable(mediaType);
}

function checkPreserved(before: Document, after: Document, { preserveDigests = false }: CopyOptions): void {
  if (preserveDigests && before.descriptor.digest !== after.descriptor.digest) throw notPreserved(before);
}

function notPreserved({ descriptor: { digest } }: Document): CortenError {
  return new CortenError(
    "failed-precondition",
    `the conversion changes the digest ${digest}, which is to be preserved`,
  );
}
