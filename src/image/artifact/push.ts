import type { Annotations, Descriptor, Platform } from "../../spec/index.ts";
import { Annotation, CortenError, MediaType } from "../../spec/index.ts";
import type { Document, ImageSink } from "../../transport/index.ts";
import { digestOf, streamOf } from "../../transport/index.ts";
import { everyOf } from "../every-of.ts";
import type { TransferEvent } from "../transfer-event.ts";
import type { ArtifactBlob, ArtifactFile } from "./file.ts";
import { describedFile, openArtifactFile } from "./file.ts";

/** What an artifact's manifest has as configuration when it has none (image-spec, manifest.md). */
const EMPTY = {
  mediaType: MediaType.empty,
  digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
  size: 2,
  data: "e30=",
} as const;
const EMPTY_BYTES = new TextEncoder().encode("{}");
/** What oras calls an artifact of which nobody says what it is. */
const UNKNOWN_TYPE = "application/vnd.unknown.artifact.v1";

/** What an artifact is to be. */
export interface ArtifactContent {
  readonly files: readonly ArtifactFile[];
  /** Needed unless there is a configuration. Default: that of an artifact of which nothing is known. */
  readonly artifactType?: string;
  /** A file that becomes the configuration, and its media type. */
  readonly config?: { readonly path: string; readonly mediaType: string };
  /** Of the manifest. A creation time is added unless it is among them. */
  readonly annotations?: Annotations;
  /** Of each file, by its path as given. */
  readonly fileAnnotations?: Readonly<Record<string, Annotations>>;
  readonly configAnnotations?: Annotations;
  /** What the artifact is about. */
  readonly subject?: Descriptor;
  /** What the configuration says that the artifact is for; not with a configuration of one's own. */
  readonly platform?: Platform;
  /** The creation time. Default: now. */
  readonly created?: Date;
}

/** An artifact before it is written: the manifest, and the blobs. Let go of it with `await using`. */
export interface PreparedArtifact extends AsyncDisposable {
  readonly root: Document;
  readonly blobs: readonly ArtifactBlob[];
}

/**
 * Reads the files of an artifact and makes its manifest; the same input and time give the same bytes.
 *
 * @throws what openArtifactFile throws; invalid-argument for annotations of a file that is not there
 */
export async function prepareArtifact(content: ArtifactContent): Promise<PreparedArtifact> {
  const { files, fileAnnotations = {} } = content;
  const known = new Set(files.map(({ path }) => path));
  for (const path of Object.keys(fileAnnotations)) {
    if (!known.has(path))
      throw new CortenError(
        "invalid-argument",
        `annotations for "${path}", which is no file of the artifact`,
      );
  }
  const opened: ArtifactBlob[] = [];
  const dispose = async (): Promise<void> => {
    for (const blob of opened) await blob[Symbol.asyncDispose]();
  };
  try {
    for (const file of files) opened.push(await openArtifactFile(file));
    const layers: Descriptor[] = opened.map(({ descriptor }, at) =>
      annotated(descriptor, fileAnnotations[files[at]!.path]),
    );
    const configuration = await configBlob(content);
    opened.push(configuration);
    // A manifest should have a layer: the empty one stands for none (image-spec, manifest.md).
    if (layers.length === 0) {
      opened.push(emptyBlob());
      layers.push(EMPTY);
    }
    const described = annotated(configuration.descriptor, content.configAnnotations);
    const root = await manifestOf(content, described, layers);
    return { root, blobs: opened, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Writes an artifact to a place, blobs in parallel, the manifest last. */
export async function writeArtifact(
  { root, blobs }: PreparedArtifact,
  sink: ImageSink,
  options: { readonly onProgress?: (event: TransferEvent) => void; readonly signal?: AbortSignal } = {},
): Promise<void> {
  const { onProgress, signal } = options;
  const call = signal === undefined ? {} : { signal };
  const different = new Map(blobs.map((blob) => [blob.descriptor.digest, blob]));
  const layers = blobs.map(({ descriptor }) => descriptor);
  onProgress?.({ type: "manifest", descriptor: root.descriptor, platform: undefined, layers });
  await everyOf([...different.values()], { parallel: 4, ...call }, async ({ descriptor, read }, both) => {
    const { digest, size } = descriptor;
    const there = await sink.hasBlob(descriptor, { signal: both });
    if (!there) {
      onProgress?.({ type: "layer", digest, offset: 0, size, state: "sending" });
      await sink.writeBlob(descriptor, read(0), { signal: both, reopen: read });
    }
    onProgress?.({ type: "layer", digest, offset: size, size, state: there ? "exists" : "done" });
  });
  await sink.commit(root, call);
}

async function configBlob({ config, platform }: ArtifactContent): Promise<ArtifactBlob> {
  if (config !== undefined) {
    if (platform !== undefined)
      throw new CortenError("invalid-argument", "a configuration of one's own says the platform itself");
    return describedFile(config.path, config.mediaType);
  }
  if (platform === undefined) return emptyBlob();
  const bytes = new TextEncoder().encode(JSON.stringify(platform));
  const descriptor = { mediaType: MediaType.imageConfig, digest: await digestOf(bytes), size: bytes.length };
  return memoryBlob(descriptor, bytes);
}

function emptyBlob(): ArtifactBlob {
  return memoryBlob(EMPTY, EMPTY_BYTES);
}

function memoryBlob(descriptor: Descriptor, bytes: Uint8Array): ArtifactBlob {
  return {
    descriptor,
    read: (offset) => streamOf(bytes.subarray(offset)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function annotated(descriptor: Descriptor, annotations: Annotations | undefined): Descriptor {
  return annotations === undefined
    ? descriptor
    : { ...descriptor, annotations: { ...descriptor.annotations, ...annotations } };
}

async function manifestOf(
  content: ArtifactContent,
  config: Descriptor,
  layers: readonly Descriptor[],
): Promise<Document> {
  const { annotations = {}, subject, created = new Date() } = content;
  const artifactType = content.artifactType ?? (content.config === undefined ? UNKNOWN_TYPE : undefined);
  const time = { [Annotation.created]: created.toISOString().replace(/\.\d{3}Z$/, "Z") };
  const manifest = {
    schemaVersion: 2,
    mediaType: MediaType.imageManifest,
    ...(artifactType === undefined ? {} : { artifactType }),
    config,
    layers,
    ...(subject === undefined ? {} : { subject: plain(subject) }),
    annotations: sorted({ ...time, ...annotations }),
  };
  const bytes = new TextEncoder().encode(JSON.stringify(manifest));
  return {
    descriptor: {
      mediaType: MediaType.imageManifest,
      digest: await digestOf(bytes),
      size: bytes.length,
      ...(artifactType === undefined ? {} : { artifactType }),
    },
    bytes,
  };
}

function plain({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

function sorted(annotations: Annotations): Annotations {
  return Object.fromEntries(Object.entries(annotations).sort(([a], [b]) => (a < b ? -1 : 1)));
}
