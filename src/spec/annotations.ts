/** Pre-defined annotation keys (image-spec, annotations.md). */
export const Annotation = {
  created: "org.opencontainers.image.created",
  authors: "org.opencontainers.image.authors",
  refName: "org.opencontainers.image.ref.name",
  version: "org.opencontainers.image.version",
  revision: "org.opencontainers.image.revision",
  source: "org.opencontainers.image.source",
  title: "org.opencontainers.image.title",
  baseName: "org.opencontainers.image.base.name",
  baseDigest: "org.opencontainers.image.base.digest",
  /** Full image name beside a short ref.name; containerd and Docker write it in index.json. */
  containerdImageName: "io.containerd.image.name",
} as const;
