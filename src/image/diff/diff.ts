import type { Digest } from "../../spec/index.ts";
import { parseStrictJson } from "../../spec/index.ts";
import type { SourceImage, SourceLayer } from "../source-image.ts";
import type { DiffFilesOptions, FileChange } from "./files.ts";
import { diffFiles } from "./files.ts";
import type { ValueChange } from "./json.ts";
import { diffJson } from "./json.ts";

/** A layer that one of two images has. */
export interface LayerFacts {
  readonly digest: Digest;
  readonly diffID: Digest;
  readonly mediaType: string;
  readonly size: number;
}

/** What differs between two images, but for their files. */
export interface ImageDiff {
  /** True when both are one manifest. */
  readonly identical: boolean;
  /** Properties of the manifest, without configuration and layers. */
  readonly manifest: readonly ValueChange[];
  /** Properties of the configuration, without its list of layers. */
  readonly config: readonly ValueChange[];
  readonly layers: {
    /** Layers that both begin with, by what they unpack to. */
    readonly common: number;
    readonly removed: readonly LayerFacts[];
    readonly added: readonly LayerFacts[];
    /** Common layers that are packed differently. */
    readonly repacked: readonly { readonly before: LayerFacts; readonly after: LayerFacts }[];
  };
}

/** Compares two images' documents; content of layers is not read. */
export function diffImages(before: SourceImage, after: SourceImage): ImageDiff {
  const [old, now] = [before.layers, after.layers].map((layers) => layers.map(factsOf)) as [
    LayerFacts[],
    LayerFacts[],
  ];
  let common = 0;
  while (common < old.length && old[common]?.diffID === now[common]?.diffID) common++;
  const repacked = old
    .slice(0, common)
    .map((layer, index) => ({ before: layer, after: now[index]! }))
    .filter((pair) => JSON.stringify(pair.before) !== JSON.stringify(pair.after));
  return {
    identical: before.document.descriptor.digest === after.document.descriptor.digest,
    manifest: diffJson(restOf(before.document.bytes, "manifest"), restOf(after.document.bytes, "manifest")),
    config: diffJson(restOf(before.rawConfig, "config"), restOf(after.rawConfig, "config")),
    layers: { common, removed: old.slice(common), added: now.slice(common), repacked },
  };
}

/** The files that differ between two images. @see diffFiles */
export function diffImageFiles(
  before: SourceImage,
  after: SourceImage,
  options?: DiffFilesOptions,
): AsyncGenerator<FileChange, void, undefined> {
  return diffFiles(before.layers, after.layers, options);
}

function factsOf({ descriptor: { digest, mediaType, size }, diffID }: SourceLayer): LayerFacts {
  return { digest, diffID, mediaType, size };
}

/** A document without what is compared by itself. */
function restOf(bytes: Uint8Array, kind: "manifest" | "config"): unknown {
  const document = parseStrictJson(bytes, kind) as Readonly<Record<string, unknown>>;
  const apart = kind === "manifest" ? ["config", "layers"] : ["rootfs"];
  return Object.fromEntries(Object.entries(document).filter(([name]) => !apart.includes(name)));
}
