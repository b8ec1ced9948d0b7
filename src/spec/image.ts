import type { Digest } from "./digest.ts";

/** Platform of an image (image-spec, image-index.md). */
export interface Platform {
  readonly architecture: string;
  readonly os: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
  readonly variant?: string;
}

/** Annotations: string keys to string values (image-spec, annotations.md). */
export type Annotations = Readonly<Record<string, string>>;

/** Content descriptor (image-spec, descriptor.md). `size` is in bytes. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly urls?: readonly string[];
  readonly annotations?: Annotations;
  /** The content itself, base64; must equal what the digest names. */
  readonly data?: string;
  readonly artifactType?: string;
  readonly platform?: Platform;
}

/** Image manifest (image-spec, manifest.md). */
export interface ImageManifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Annotations;
}

/** Image index (image-spec, image-index.md). */
export interface ImageIndex {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Annotations;
}

/**
 * How Docker finds out whether a container works: no field of image-spec, but of the images of its builder. Times are
 * in nanoseconds, 0 is the default.
 */
export interface ImageHealthcheck {
  /** `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", command]`; empty: that of the image below. */
  readonly Test?: readonly string[] | null;
  readonly Interval?: number | null;
  readonly Timeout?: number | null;
  readonly StartPeriod?: number | null;
  readonly StartInterval?: number | null;
  readonly Retries?: number | null;
}

/** Execution defaults inside an image configuration (image-spec, config.md). Docker's names. */
export interface ImageExecution {
  readonly User?: string | null;
  readonly ExposedPorts?: Readonly<Record<string, object>> | null;
  readonly Env?: readonly string[] | null;
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly Volumes?: Readonly<Record<string, object>> | null;
  readonly WorkingDir?: string | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly StopSignal?: string | null;
  readonly ArgsEscaped?: boolean | null;
  readonly Healthcheck?: ImageHealthcheck | null;
}

/** One entry of an image's history. */
export interface ImageHistory {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** Image configuration (image-spec, config.md). */
export interface ImageConfig {
  readonly created?: string | null;
  readonly author?: string | null;
  readonly architecture: string;
  readonly os: string;
  readonly "os.version"?: string | null;
  readonly "os.features"?: readonly string[] | null;
  readonly variant?: string | null;
  readonly config?: ImageExecution | null;
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly Digest[] };
  readonly history?: readonly ImageHistory[] | null;
}

/** The `oci-layout` file (image-spec, image-layout.md). */
export interface ImageLayout {
  readonly imageLayoutVersion: "1.0.0";
}
