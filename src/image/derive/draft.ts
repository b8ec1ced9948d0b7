import type { Compression } from "../../archive/index.ts";
import { detectCompression } from "../../archive/index.ts";
import type { Annotations, Descriptor, Digest, ImageHistory } from "../../spec/index.ts";
import { MediaType, parseStrictJson } from "../../spec/index.ts";
import type { Document } from "../../transport/index.ts";
import { formatOf, layerTypeIn } from "../copy/media-types.ts";
import type { SourceImage } from "../source-image.ts";
import type { MadeLayer, Workbench } from "./workbench.ts";

/** JSON as it was read, fields of others included. */
export type Raw = Readonly<Record<string, unknown>>;

/** A layer of an image that is being changed. */
export interface DraftLayer {
  /** As it stands in the manifest. */
  readonly descriptor: Raw & Pick<Descriptor, "mediaType" | "digest" | "size">;
  readonly diffID: Digest;
  /** Its packed bytes. */
  open(): Promise<AsyncIterable<Uint8Array>>;
}

/** An image that is being changed: what becomes its configuration and its manifest. Each change gives a new draft. */
export interface Draft {
  /** The configuration, without `rootfs` and `history`. */
  readonly config: Raw;
  readonly layers: readonly DraftLayer[];
  /** undefined where the image has none, and is to have none. */
  readonly history: readonly ImageHistory[] | undefined;
  /** Of the manifest. */
  readonly annotations: Annotations;
}

/** The draft of an unchanged image. */
export function draftOf(image: SourceImage): Draft {
  const { rootfs: _, history: __, ...config } = parseStrictJson(image.rawConfig, "configuration") as Raw;
  const manifest = parseStrictJson(image.document.bytes, "manifest") as { readonly layers: readonly Raw[] };
  return {
    config,
    layers: image.layers.map(({ descriptor, diffID, open }, index) => ({
      descriptor: { ...manifest.layers[index]!, ...only(descriptor) },
      diffID,
      open,
    })),
    history: image.config.history ?? undefined,
    annotations: image.manifest.annotations ?? {},
  };
}

/**
 * Writes the draft's documents to the workbench.
 *
 * @param image the image that it was made of, whose other fields and generation it keeps
 * @returns the manifest
 */
export async function finishDraft(draft: Draft, image: SourceImage, bench: Workbench): Promise<Document> {
  const { mediaType } = image.document.descriptor;
  const rawManifest = parseStrictJson(image.document.bytes, "manifest") as Raw;
  const order = Object.keys(parseStrictJson(image.rawConfig, "configuration") as Raw);
  const config = await bench.document(
    image.manifest.config.mediaType,
    inOrder(order, {
      ...draft.config,
      rootfs: { type: "layers", diff_ids: draft.layers.map(({ diffID }) => diffID) },
      ...(draft.history === undefined ? {} : { history: draft.history }),
    }),
  );
  const oci = formatOf(mediaType) === "oci";
  const annotated = oci && Object.keys(draft.annotations).length > 0;
  return bench.document(
    mediaType,
    inOrder(Object.keys(rawManifest), {
      ...rawManifest,
      config: config.descriptor,
      layers: draft.layers.map(({ descriptor }) => descriptor),
      ...(annotated ? { annotations: draft.annotations } : { annotations: undefined }),
    }),
  );
}

/** Fields in the order that they had, new ones behind them: an unchanged document keeps its digest. */
function inOrder(order: readonly string[], value: Raw): Raw {
  const names = [...new Set([...order, ...Object.keys(value)])];
  return Object.fromEntries(
    names.filter((name) => value[name] !== undefined).map((name) => [name, value[name]]),
  );
}

/** A layer that was made on the workbench, in the generation of the image. */
export function madeLayer(
  bench: Workbench,
  image: SourceImage,
  made: MadeLayer,
  compression: Compression,
  annotations?: Annotations,
): DraftLayer {
  const { digest, size, diffID } = made;
  const format = formatOf(image.document.descriptor.mediaType);
  const mediaType = layerTypeIn(MediaType.layer, format, compression);
  return {
    descriptor: { mediaType, digest, size, ...(annotations === undefined ? {} : { annotations }) },
    diffID,
    open: async () => (await bench.open(digest))!,
  };
}

/** How a layer is packed, by its first bytes. */
export async function packingOf(layer: DraftLayer): Promise<Compression> {
  let head: Uint8Array = new Uint8Array(0);
  for await (const chunk of await layer.open()) {
    head = Buffer.concat([head, chunk.subarray(0, 4)]);
    if (head.length >= 4) break;
  }
  return detectCompression(head);
}

function only({ mediaType, digest, size }: Descriptor): Pick<Descriptor, "mediaType" | "digest" | "size"> {
  return { mediaType, digest, size };
}
