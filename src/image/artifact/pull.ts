import type { Descriptor, Digest, ImageManifest, Platform } from "../../spec/index.ts";
import { Annotation, CortenError, parseManifest } from "../../spec/index.ts";
import type { Document, ImageSource } from "../../transport/index.ts";
import { LayoutDirectory, verified } from "../../transport/index.ts";
import { chooseFromSource } from "../choose-from-source.ts";
import { TemporaryBlob } from "../copy/temporary-blob.ts";
import { everyOf } from "../every-of.ts";
import { withRightContent } from "../right-content.ts";
import type { TransferEvent } from "../transfer-event.ts";
import { checkTitle, UNPACK_ANNOTATION, UNPACKED_DIGEST_ANNOTATION } from "./title.ts";
import { unpackDirectory } from "./unpack.ts";

/** Options of {@link pullArtifact}. */
export interface PullArtifactOptions {
  /** Which artifact of an index. Default: the best for this host. */
  readonly platform?: Platform;
  /** Leave a file that is there as it is. Default: it is replaced. */
  readonly keepOldFiles?: boolean;
  /** The name of a file below the directory to write the configuration to. Default: it is not written. */
  readonly configFile?: string;
  readonly onProgress?: (event: TransferEvent) => void;
  readonly signal?: AbortSignal;
}

/** What {@link pullArtifact} has written. */
export interface PulledArtifact {
  readonly digest: Digest;
  readonly artifactType: string | undefined;
  /** Names below the directory, in the manifest's order. */
  readonly files: readonly string[];
  /** Layers without a title, of which nobody knows how to call them. */
  readonly untitled: readonly Descriptor[];
}

/**
 * Writes the files of an artifact below a directory under the titles that they have; a packed directory is unpacked.
 * Every byte is verified before it gets its name, and no name or link leads out of the directory.
 *
 * @throws invalid-argument for a title that leads out or occurs twice; data-loss for content that is not what
 *   its digest names; not-found when the artifact is not there
 */
export async function pullArtifact(
  source: ImageSource,
  directory: string,
  options: PullArtifactOptions = {},
): Promise<PulledArtifact> {
  const { signal, onProgress, configFile } = options;
  const call = signal === undefined ? {} : { signal };
  const { document, manifest } = await artifactManifest(source, options);
  const titled = new Map<string, Descriptor>();
  const untitled: Descriptor[] = [];
  for (const layer of manifest.layers) {
    const title = layer.annotations?.[Annotation.title];
    if (title === undefined) {
      untitled.push(layer);
      continue;
    }
    const path = checkTitle(title, `${source.name}: layer ${layer.digest}`);
    if (titled.has(path)) throw new CortenError("invalid-argument", `${source.name} has two files "${path}"`);
    titled.set(path, layer);
  }
  const files = [...titled.keys()];
  if (configFile !== undefined) titled.set(checkTitle(configFile, "the configuration"), manifest.config);
  const { descriptor } = document;
  onProgress?.({ type: "manifest", descriptor, platform: undefined, layers: [...titled.values()] });
  await using output = await LayoutDirectory.open(directory, directory, { create: true });
  await everyOf([...titled], { parallel: 4, ...call }, async ([path, layer], both) => {
    const { digest, size } = layer;
    const report = (state: "exists" | "fetching" | "done", offset: number): void =>
      onProgress?.({ type: "layer", digest, offset, size, state });
    if (options.keepOldFiles === true && (await output.size(path)) !== undefined)
      return report("exists", size);
    report("fetching", 0);
    await withRightContent(source, layer, async () => {
      const content = verified(await source.blob(layer, { signal: both }), layer, `${source.name}: ${path}`);
      await writeFile(output, path, layer, content, both);
    });
    report("done", size);
  });
  return {
    digest: descriptor.digest,
    artifactType: manifest.artifactType ?? manifest.config.mediaType,
    files,
    untitled,
  };
}

/** The manifest of the artifact that a place's name means. */
export async function artifactManifest(
  source: ImageSource,
  options: Pick<PullArtifactOptions, "platform" | "signal"> = {},
): Promise<{ readonly document: Document; readonly manifest: ImageManifest }> {
  const root = await source.root(options.signal === undefined ? {} : { signal: options.signal });
  const document = await chooseFromSource(source, root, options);
  const { digest, mediaType } = document.descriptor;
  const manifest = parseManifest(document.bytes, mediaType, { what: `${source.name}: ${digest}` });
  return { document, manifest };
}

async function writeFile(
  output: LayoutDirectory,
  path: string,
  { annotations = {} }: Descriptor,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  if (annotations[UNPACK_ANNOTATION] !== "true") return output.write(path, content);
  // Unpacking needs names before the end of the content, and only its end says whether it is right.
  await using packed = await TemporaryBlob.of(content);
  const unpackedDigest = annotations[UNPACKED_DIGEST_ANNOTATION];
  await unpackDirectory(output, path, packed.read(), {
    signal,
    ...(unpackedDigest === undefined ? {} : { unpackedDigest }),
  });
}
