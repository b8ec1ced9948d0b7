import type { Annotations, Digest, ImageConfig, ImageManifest, Platform } from "../spec/index.ts";
import { MAX_CONFIG_SIZE, parseImageConfig, parseManifest } from "../spec/index.ts";
import type { Document, ImageSource } from "../transport/index.ts";
import { chooseFromSource } from "./choose-from-source.ts";
import { isImageConfigType } from "./config-check.ts";
import { readBlob } from "./read-blob.ts";

/** What `corten inspect` prints of an image at a place: the fields of `skopeo inspect`. */
export interface PlaceInspect {
  /** The repository; only in a registry. */
  readonly Name?: string;
  /** Digest of what the place's name means: an index or a manifest. */
  readonly Digest: Digest;
  readonly RepoTags: readonly string[];
  readonly Created: string | null;
  readonly DockerVersion: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Architecture: string;
  readonly Os: string;
  readonly Layers: readonly Digest[];
  readonly LayersData: readonly LayerData[];
  readonly Env: readonly string[] | null;
  /** Only where it is no image. */
  readonly ArtifactType?: string;
}

interface LayerData {
  readonly MIMEType: string;
  readonly Digest: Digest;
  readonly Size: number;
  readonly Annotations: Annotations | null;
}

/** An image at a place as far as it is read to be looked at. */
export interface InspectedPlace {
  /** What the name means, as it is stored. */
  readonly root: Document;
  /** The manifest of the image for the platform. */
  readonly manifest: ImageManifest;
  /** The configuration as it is stored. */
  readonly rawConfig: Uint8Array;
  /** The fields to print, without `Name` and `RepoTags`, which only the place knows. */
  readonly fields: Omit<PlaceInspect, "Name" | "RepoTags">;
}

/**
 * Reads manifest and configuration of an image, but no layer.
 *
 * @param options `platform`: which image of an index; default the best for this host
 * @throws not-found when there is none for the platform; what the validators and the source throw
 */
export async function inspectPlace(
  source: ImageSource,
  options: { readonly platform?: Platform; readonly signal?: AbortSignal } = {},
): Promise<InspectedPlace> {
  const call = options.signal === undefined ? {} : { signal: options.signal };
  const root = await source.root(call);
  const chosen = await chooseFromSource(source, root, options);
  const { digest, mediaType } = chosen.descriptor;
  const manifest = parseManifest(chosen.bytes, mediaType, { what: `${source.name}: ${digest}` });
  const rawConfig = await readBlob(source, manifest.config, { maxBytes: MAX_CONFIG_SIZE, ...call });
  const what = `${source.name}: configuration ${manifest.config.digest}`;
  const config = isImageConfigType(manifest.config.mediaType)
    ? parseImageConfig(rawConfig, { what })
    : undefined;
  return { root, manifest, rawConfig, fields: describe(root, manifest, config, rawConfig) };
}

function describe(
  root: Document,
  manifest: ImageManifest,
  config: ImageConfig | undefined,
  rawConfig: Uint8Array,
): InspectedPlace["fields"] {
  return {
    Digest: root.descriptor.digest,
    Created: config?.created ?? null,
    DockerVersion: config === undefined ? "" : dockerVersion(rawConfig),
    Labels: config?.config?.Labels ?? null,
    Architecture: config?.architecture ?? "",
    Os: config?.os ?? "",
    Layers: manifest.layers.map(({ digest }) => digest),
    LayersData: manifest.layers.map(({ mediaType, digest, size, annotations }) => ({
      MIMEType: mediaType,
      Digest: digest,
      Size: size,
      Annotations: annotations ?? null,
    })),
    Env: config?.config?.Env ?? null,
    ...(config === undefined ? { ArtifactType: manifest.artifactType ?? manifest.config.mediaType } : {}),
  };
}

/** Docker writes its version beside the fields of image-spec. */
function dockerVersion(rawConfig: Uint8Array): string {
  const { docker_version: version } = JSON.parse(new TextDecoder().decode(rawConfig)) as {
    readonly docker_version?: unknown;
  };
  return typeof version === "string" ? version : "";
}
