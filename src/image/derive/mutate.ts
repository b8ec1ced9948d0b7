import type { Annotations, Platform } from "../../spec/index.ts";
import { CortenError } from "../../spec/index.ts";
import type { Document, ImageSource } from "../../transport/index.ts";
import { formatOf } from "../copy/media-types.ts";
import { configPlatform } from "../platform.ts";
import type { SourceImage } from "../source-image.ts";
import type { DeriveOptions } from "./derive.ts";
import { deriveImage } from "./derive.ts";
import type { Draft } from "./draft.ts";
import { draftOf, finishDraft } from "./draft.ts";
import type { ConfigEdits } from "./edit-config.ts";
import { describeEdits, editConfig } from "./edit-config.ts";
import type { LayerContext, NewLayer, Rebase } from "./edit-layers.ts";
import { appendLayer, flattenDraft, rebaseDraft, rewriteTimes, withHistory } from "./edit-layers.ts";
import type { Workbench } from "./workbench.ts";

/** What to change of an image. */
export interface Mutation extends ConfigEdits {
  /** Of the manifest. */
  readonly annotations?: Annotations;
  /** When the image was made. Default: what it says, so that equal input gives equal output. */
  readonly created?: Date;
  /** Make no file of a layer younger than `created`, which must be given. */
  readonly rewriteTimestamps?: boolean;
  /** Layers to put on top, the lowest first. */
  readonly append?: readonly NewLayer[];
  /** The bases for a platform's image. */
  readonly rebase?: (platform: Platform) => Promise<Rebase>;
  /** Make one layer of all. */
  readonly flatten?: boolean;
  /** What the image says it is for. */
  readonly platform?: Platform;
}

/** Options of {@link mutateImage}. */
export type MutateOptions = DeriveOptions;

/**
 * A view of an image with changes: first another base, then layers on top, then flattening, then times,
 * then configuration and annotations. The same image and mutation give the same digest.
 *
 * @param bench holds what is new, as long as the view is read
 * @throws invalid-argument or failed-precondition when the mutation is not possible
 */
export function mutateImage(
  source: ImageSource,
  bench: Workbench,
  mutation: Mutation,
  options: MutateOptions = {},
): Promise<ImageSource> {
  if (mutation.rewriteTimestamps === true && mutation.created === undefined) {
    throw new CortenError("invalid-argument", "timestamps are rewritten to a time, but none is given");
  }
  if (options.all === true && mutation.platform !== undefined) {
    throw new CortenError("invalid-argument", "one platform cannot be set for all images of an index");
  }
  return deriveImage(source, bench, options, (image) => mutateOne(image, bench, mutation, options.signal));
}

async function mutateOne(
  image: SourceImage,
  bench: Workbench,
  mutation: Mutation,
  signal: AbortSignal | undefined,
): Promise<Document> {
  const created = mutation.created === undefined ? undefined : dateTime(mutation.created);
  const context: LayerContext = {
    image,
    bench,
    created: created ?? image.config.created ?? undefined,
    ...(signal === undefined ? {} : { signal }),
  };
  const before = draftOf(image);
  let draft = before;
  if (mutation.rebase !== undefined) {
    draft = await rebaseDraft(draft, await mutation.rebase(configPlatform(image.config)), context);
  }
  for (const layer of mutation.append ?? []) draft = await appendLayer(draft, layer, context);
  if (mutation.flatten === true) draft = await flattenDraft(draft, context);
  if (mutation.rewriteTimestamps === true) {
    draft = await rewriteTimes(draft, Math.floor(mutation.created!.getTime() / 1000), context);
  }
  draft = editConfig(draft, mutation);
  if (created !== undefined) draft = { ...draft, config: { ...draft.config, created } };
  if (mutation.platform !== undefined) draft = withPlatform(draft, mutation.platform);
  const edits = describeEdits(mutation);
  if (edits.length > 0) draft = withHistory(draft, edits.join("; "), context, true);
  draft = annotated(draft, image, mutation.annotations);
  // Written anew it might have another digest for white space alone.
  return draft === before ? image.document : finishDraft(draft, image, bench);
}

function withPlatform(draft: Draft, platform: Platform): Draft {
  const { variant: _, "os.version": __, "os.features": ___, ...rest } = draft.config;
  return { ...draft, config: { ...rest, ...platform } };
}

function annotated(draft: Draft, image: SourceImage, added: Annotations | undefined): Draft {
  if (added === undefined || Object.keys(added).length === 0) return draft;
  if (formatOf(image.document.descriptor.mediaType) !== "oci") {
    throw new CortenError(
      "failed-precondition",
      `${image.source.name}: Docker's manifests have no annotations`,
      {
        hint: "convert it first: corten image convert --format oci",
      },
    );
  }
  return { ...draft, annotations: { ...draft.annotations, ...added } };
}

/** RFC 3339, without a fraction that says nothing. */
function dateTime(date: Date): string {
  return date.toISOString().replace(".000Z", "Z");
}
