import type { Compression, TarEntry } from "../../archive/index.ts";
import { clampTimes, detectCompression, flattenLayers, isYounger, scanLayer } from "../../archive/index.ts";
import type { ImageHistory } from "../../spec/index.ts";
import { Annotation, CortenError, isErofsLayerType } from "../../spec/index.ts";
import { compressionOf, formatOf, isLayerType, layerTypeIn } from "../copy/media-types.ts";
import { openAsArchive } from "../erofs-layer.ts";
import type { SourceImage } from "../source-image.ts";
import type { Draft, DraftLayer, Raw } from "./draft.ts";
import { draftOf, madeLayer, packingOf } from "./draft.ts";
import type { Workbench } from "./workbench.ts";

/** What the changes of layers share. */
export interface LayerContext {
  readonly image: SourceImage;
  readonly bench: Workbench;
  readonly signal?: AbortSignal;
  /** `created` of new entries in the history; undefined for none. */
  readonly created: string | undefined;
}

/** A tar archive to be put on top of an image. */
export interface NewLayer {
  /** What the history calls it, e.g. the file's name. */
  readonly name: string;
  open(): AsyncIterable<Uint8Array>;
}

/** The image on which another was built, and the one on which it is to stand. */
export interface Rebase {
  readonly oldBase: SourceImage;
  readonly newBase: SourceImage;
  /** What the new base is called; a reference. */
  readonly newBaseName?: string;
}

/**
 * Puts a layer on top. One that is packed stays as it is, a plain tar is packed with gzip.
 *
 * @throws invalid-argument when it is no sound tar archive; failed-precondition when the generation has no
 *   name for its packing
 */
export async function appendLayer(draft: Draft, added: NewLayer, context: LayerContext): Promise<Draft> {
  const { bench, image } = context;
  const call = callOf(context);
  const head = await headOf(added.open());
  const packing = detectCompression(head);
  const compression: Compression = packing === "none" ? "gzip" : packing;
  // The whole archive is judged before anything is made of it.
  let entries = 0;
  const entry = () => {
    entries++;
  };
  const diffID = await scanLayer(added.open(), { entry }, call);
  if (entries === 0) throw new CortenError("invalid-argument", `layer "${added.name}" holds no file`);
  const made =
    packing === "none"
      ? await bench.layer(added.open(), "gzip", call)
      : { ...(await bench.blob(added.open())), diffID };
  if (made.diffID !== diffID) {
    throw new CortenError("failed-precondition", `layer "${added.name}" changed while it was read`);
  }
  const layer = madeLayer(bench, image, made, compression);
  return withHistory({ ...draft, layers: [...draft.layers, layer] }, `APPEND ${added.name}`, context);
}

/** Makes one layer of all, whiteouts applied; the history begins anew. */
export async function flattenDraft(draft: Draft, context: LayerContext): Promise<Draft> {
  const call = callOf(context);
  const layers = draft.layers.map((layer) =>
    isErofsLayerType(layer.descriptor.mediaType)
      ? { open: async () => (await openAsArchive(layer, call)).content }
      : { diffID: layer.diffID, open: layer.open },
  );
  const made = await context.bench.layer(flattenLayers(layers, call), "gzip", call);
  const flat = { ...draft, layers: [madeLayer(context.bench, context.image, made, "gzip")], history: [] };
  return withHistory(flat, `FLATTEN ${draft.layers.length} layers`, context);
}

/** Makes no file of any layer younger than `latest`, in seconds since 1970. Layers keep their packing. */
export async function rewriteTimes(draft: Draft, latest: number, context: LayerContext): Promise<Draft> {
  const call = callOf(context);
  const layers: DraftLayer[] = [];
  for (const layer of draft.layers) {
    if (isErofsLayerType(layer.descriptor.mediaType)) {
      throw new CortenError(
        "failed-precondition",
        `layer ${layer.descriptor.digest} is an EROFS image, whose times cannot be changed`,
        { hint: "make archives of the layers first: corten image convert --compression gzip" },
      );
    }
    if (!(await hasYounger(layer, latest, call))) {
      layers.push(layer);
      continue;
    }
    const compression = await packingOf(layer);
    const made = await context.bench.layer(clampTimes(await layer.open(), latest, call), compression, call);
    layers.push(madeLayer(context.bench, context.image, made, compression));
  }
  return { ...draft, layers };
}

/** True when a file of the layer is younger than `latest`: only then is it written anew, by our own writer. */
async function hasYounger(
  { open, diffID }: DraftLayer,
  latest: number,
  call: { readonly signal?: AbortSignal },
): Promise<boolean> {
  let younger = false;
  const entry = ({ mtime }: TarEntry) => {
    younger ||= isYounger(mtime, latest);
  };
  await scanLayer(await open(), { entry }, { expectedDiffID: diffID, ...call });
  return younger;
}

/**
 * Puts an image's own layers on another base. The configuration stays the image's.
 *
 * @throws failed-precondition when the image does not stand on the old base
 */
export async function rebaseDraft(draft: Draft, rebase: Rebase, context: LayerContext): Promise<Draft> {
  const { oldBase, newBase, newBaseName } = rebase;
  const count = oldBase.layers.length;
  const wrong = oldBase.layers.findIndex(({ diffID }, index) => draft.layers[index]?.diffID !== diffID);
  if (wrong >= 0) {
    const { name } = oldBase.source;
    throw new CortenError(
      "failed-precondition",
      `${context.image.source.name} does not stand on ${name}: layer ${wrong} is another one`,
      { hint: "name the image that it was built on, in the version of that day" },
    );
  }
  const base = draftOf(newBase);
  const format = formatOf(context.image.document.descriptor.mediaType);
  const below = base.layers.map((layer, index) => {
    context.bench.borrow(newBase.source, newBase.layers[index]!.descriptor);
    const { mediaType } = layer.descriptor;
    const type = isLayerType(mediaType)
      ? layerTypeIn(mediaType, format, compressionOf(mediaType))
      : mediaType;
    return { ...layer, descriptor: { ...layer.descriptor, mediaType: type } };
  });
  const { os, architecture, variant } = newBase.config;
  return {
    layers: [...below, ...draft.layers.slice(count)],
    history: rebasedHistory(draft.history, oldBase, newBase),
    config: { ...draft.config, os, architecture, ...(variant ? { variant } : {}) } satisfies Raw,
    annotations: {
      ...draft.annotations,
      ...(newBaseName === undefined ? {} : { [Annotation.baseName]: newBaseName }),
      [Annotation.baseDigest]: newBase.document.descriptor.digest,
    },
  };
}

/** The new base's history, and of the image's what comes after that of the old one. */
function rebasedHistory(
  history: readonly ImageHistory[] | undefined,
  oldBase: SourceImage,
  newBase: SourceImage,
): readonly ImageHistory[] | undefined {
  if (history === undefined) return undefined;
  const old = oldBase.config.history ?? [];
  const same = JSON.stringify(history.slice(0, old.length)) === JSON.stringify(old);
  const cut = same ? old.length : lengthOf(history, oldBase.layers.length);
  const below = newBase.config.history ?? newBase.layers.map(() => ({ created_by: "unknown" }));
  return [...below, ...history.slice(cut)];
}

/** How many entries of a history tell of its first `layers` layers. */
function lengthOf(history: readonly ImageHistory[], layers: number): number {
  let filled = 0;
  for (const [index, entry] of history.entries()) {
    if (filled === layers && entry.empty_layer !== true) return index;
    if (entry.empty_layer !== true) filled++;
  }
  return history.length;
}

/** Adds an entry for what was done, where the image has a history. */
export function withHistory(
  draft: Draft,
  what: string,
  { created }: Pick<LayerContext, "created">,
  emptyLayer = false,
): Draft {
  if (draft.history === undefined) return draft;
  const entry = {
    ...(created === undefined ? {} : { created }),
    created_by: `corten image mutate: ${what}`,
    ...(emptyLayer ? { empty_layer: true } : {}),
  };
  return { ...draft, history: [...draft.history, entry] };
}

async function headOf(content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  let head: Uint8Array = new Uint8Array(0);
  for await (const chunk of content) {
    head = Buffer.concat([head, chunk.subarray(0, 4)]);
    if (head.length >= 4) break;
  }
  return head;
}

function callOf({ signal }: LayerContext): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
