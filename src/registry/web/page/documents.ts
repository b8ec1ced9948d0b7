/** What the page reads of the documents of image-spec. Everything may be missing: they come from whoever pushed. */

export interface Descriptor {
  readonly mediaType?: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: { readonly os?: string; readonly architecture?: string; readonly variant?: string };
}

export interface Manifest {
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface History {
  readonly created?: string;
  readonly created_by?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

export interface ImageConfig {
  readonly created?: string;
  readonly author?: string;
  readonly os?: string;
  readonly architecture?: string;
  readonly variant?: string;
  readonly config?: Readonly<Record<string, unknown>> | null;
  readonly history?: readonly History[] | null;
}

/** A manifest or index with what the registry says of it. */
export interface Fetched {
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
  readonly document: Manifest;
  readonly text: string;
}

/** `linux/arm64/v8`; undefined for what has no platform, such as attestations. */
export function printPlatform(platform: Descriptor["platform"]): string | undefined {
  const { os, architecture, variant } = platform ?? {};
  if (os === undefined || architecture === undefined || os === "unknown") return undefined;
  return [os, architecture, variant].filter((part) => part).join("/");
}

/** The bytes that a pull of this one manifest moves: its configuration and its layers. */
export function contentSize({ config, layers = [] }: Manifest): number {
  return [...(config === undefined ? [] : [config]), ...layers].reduce((sum, { size }) => sum + size, 0);
}

/** True for the type of an image configuration, OCI's or Docker's. */
export function isImageConfig(mediaType: string | undefined): boolean {
  return (
    mediaType === "application/vnd.oci.image.config.v1+json" ||
    mediaType === "application/vnd.docker.container.image.v1+json"
  );
}
