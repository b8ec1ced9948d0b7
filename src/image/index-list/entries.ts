import type { Store } from "../../content/index.ts";
import type { Annotations, Digest, Platform } from "../../spec/index.ts";
import {
  CortenError,
  isIndexType,
  isManifestType,
  MAX_CONFIG_SIZE,
  parseImageConfig,
  parseManifest,
} from "../../spec/index.ts";
import type { Document, ImageSource } from "../../transport/index.ts";
import { walkDocuments } from "../../transport/index.ts";
import { isImageConfigType } from "../config-check.ts";
import { copyImage } from "../copy/copy-image.ts";
import { configPlatform, hostPlatform, normalizePlatform } from "../platform.ts";
import { readBlob } from "../read-blob.ts";
import { StoreSink } from "../store-sink.ts";
import type { TransferEvent } from "../transfer-event.ts";
import type { RawEntry, RawIndex } from "./edit.ts";
import { editIndex } from "./edit.ts";

/** What the user says of an entry; what is not said stays or comes from the image. */
export interface EntrySettings {
  readonly os?: string;
  readonly architecture?: string;
  readonly variant?: string;
  readonly osVersion?: string;
  readonly osFeatures?: readonly string[];
  /** Features of the processor, which only Docker's lists have. */
  readonly features?: readonly string[];
  readonly annotations?: Annotations;
}

/** Options of {@link addToIndex}. */
export interface AddToIndexOptions {
  /** Add every image of an index instead of the one for the platform. */
  readonly all?: boolean;
  readonly settings?: EntrySettings;
  readonly onProgress?: (event: TransferEvent) => void;
  readonly signal?: AbortSignal;
}

/**
 * Brings an image into the store and adds it to an index there. Of an index the image for the platform
 * that the settings say is added. An entry of the same digest is replaced.
 *
 * @returns the digests that were added
 * @throws not-found when there is no such index or image; invalid-argument for settings with `all`
 */
export async function addToIndex(
  store: Store,
  name: string,
  source: ImageSource,
  options: AddToIndexOptions = {},
): Promise<readonly Digest[]> {
  const { all = false, settings = {}, signal, onProgress } = options;
  const call = signal === undefined ? {} : { signal };
  const overrides = Object.keys(settings).some((key) => key !== "annotations");
  if (all && overrides) {
    throw new CortenError("invalid-argument", "one platform cannot be said of all images of an index");
  }
  await using sink = new StoreSink(store, []);
  const wanted = all ? {} : { platform: wantedPlatform(settings) };
  const multiArch = all ? "all" : "system";
  const root = await copyImage(source, sink, {
    multiArch,
    ...wanted,
    ...call,
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  const entries = all ? await entriesBelow(source, root, call) : [await entryOf(source, root, call)];
  await editIndex(
    store,
    name,
    (index) =>
      withEntries(
        index,
        entries.map((entry) => applySettings(entry, settings)),
      ),
    sink.lease,
    signal,
  );
  return entries.map(({ digest }) => digest);
}

/** Changes what an entry says. @throws not-found when the index has no such entry */
export function annotateEntry(index: RawIndex, digest: Digest, settings: EntrySettings): RawIndex {
  if (!index.manifests.some((entry) => entry.digest === digest)) throw noEntry(digest);
  const manifests = index.manifests.map((entry) =>
    entry.digest === digest ? applySettings(entry, settings) : entry,
  );
  return { ...index, manifests };
}

/** Takes an entry away. @throws not-found when the index has no such entry */
export function withoutEntry(index: RawIndex, digest: Digest): RawIndex {
  const manifests = index.manifests.filter((entry) => entry.digest !== digest);
  if (manifests.length === index.manifests.length) throw noEntry(digest);
  return { ...index, manifests };
}

/** Annotates the index itself. */
export function annotateIndex(index: RawIndex, annotations: Annotations): RawIndex {
  return { ...index, annotations: { ...(index["annotations"] as Annotations | undefined), ...annotations } };
}

function withEntries(index: RawIndex, entries: readonly RawEntry[]): RawIndex {
  const added = new Set(entries.map(({ digest }) => digest));
  return { ...index, manifests: [...index.manifests.filter(({ digest }) => !added.has(digest)), ...entries] };
}

/** Which image of an index is meant: the platform that is said, for the rest this host's. */
function wantedPlatform({ os, architecture, variant }: EntrySettings): Platform {
  const host = hostPlatform();
  return normalizePlatform({
    os: os ?? host.os,
    architecture: architecture ?? host.architecture,
    ...(variant === undefined ? {} : { variant }),
  });
}

type Call = { readonly signal?: AbortSignal };

/** The entries of an index and of those below it, with what they say. */
async function entriesBelow(source: ImageSource, root: Document, call: Call): Promise<RawEntry[]> {
  if (!isIndexType(root.descriptor.mediaType)) return [await entryOf(source, root, call)];
  const entries: RawEntry[] = [];
  for await (const { document } of walkDocuments(source, root, call)) {
    if (isManifestType(document.descriptor.mediaType)) entries.push({ ...document.descriptor });
  }
  return entries;
}

async function entryOf(source: ImageSource, { descriptor, bytes }: Document, call: Call): Promise<RawEntry> {
  const { mediaType, digest, size } = descriptor;
  const manifest = parseManifest(bytes, mediaType, { what: `${source.name}: ${digest}` });
  const entry = { mediaType, digest, size };
  if (!isImageConfigType(manifest.config.mediaType)) {
    return { ...entry, artifactType: manifest.artifactType ?? manifest.config.mediaType };
  }
  const config = await readBlob(source, manifest.config, { maxBytes: MAX_CONFIG_SIZE, ...call });
  return { ...entry, platform: configPlatform(parseImageConfig(config, { what: source.name })) };
}

function applySettings(entry: RawEntry, settings: EntrySettings): RawEntry {
  const { annotations = {} } = settings;
  const platform = platformWith(entry, settings);
  return {
    ...entry,
    ...(platform === undefined ? {} : { platform }),
    ...(Object.keys(annotations).length === 0
      ? {}
      : { annotations: { ...entry.annotations, ...annotations } }),
  };
}

/** @throws invalid-argument when it would have no os or no architecture */
function platformWith({ digest, platform }: RawEntry, settings: EntrySettings): Platform | undefined {
  const { osVersion, osFeatures, variant, features } = settings;
  const os = settings.os ?? platform?.os;
  const architecture = settings.architecture ?? platform?.architecture;
  const more = {
    ...(osVersion === undefined ? {} : { "os.version": osVersion }),
    ...(osFeatures === undefined ? {} : { "os.features": osFeatures }),
    ...(variant === undefined ? {} : { variant }),
    ...(features === undefined ? {} : { features }),
  };
  if (os !== undefined && architecture !== undefined) return { ...platform, architecture, os, ...more };
  if (os === undefined && architecture === undefined && Object.keys(more).length === 0) return undefined;
  throw new CortenError("invalid-argument", `${digest}: a platform has an os and an architecture`);
}

function noEntry(digest: Digest): CortenError {
  return new CortenError("not-found", `the index lists no ${digest}`, {
    hint: "corten manifest inspect shows what it lists",
  });
}
