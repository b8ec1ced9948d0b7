/** Media types of image-spec 1.1, and the Docker types that mean the same. */
export const MediaType = {
  descriptor: "application/vnd.oci.descriptor.v1+json",
  layoutHeader: "application/vnd.oci.layout.header.v1+json",
  imageIndex: "application/vnd.oci.image.index.v1+json",
  imageManifest: "application/vnd.oci.image.manifest.v1+json",
  imageConfig: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  layerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  /** Deprecated by image-spec 1.1; must still be readable. */
  layerNondistributable: "application/vnd.oci.image.layer.nondistributable.v1.tar",
  layerNondistributableGzip: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
  layerNondistributableZstd: "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
  /** Not of image-spec: containerd's type for a layer that is an EROFS file system. */
  layerErofs: "application/vnd.erofs.layer.v1",
  /** The same, packed for the way. */
  layerErofsZstd: "application/vnd.erofs.layer.v1+zstd",
  empty: "application/vnd.oci.empty.v1+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerManifestList: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar",
  dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  dockerLayerZstd: "application/vnd.docker.image.rootfs.diff.tar.zstd",
  dockerForeignLayerGzip: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
} as const;

/** True for an OCI image index and for Docker's manifest list. */
export function isIndexType(mediaType: string): boolean {
  return mediaType === MediaType.imageIndex || mediaType === MediaType.dockerManifestList;
}

/** True for an OCI image manifest and for Docker's schema 2 manifest. */
export function isManifestType(mediaType: string): boolean {
  return mediaType === MediaType.imageManifest || mediaType === MediaType.dockerManifest;
}

/** True for a layer that is an EROFS file system, packed or not; its DiffID is the digest of the file system. */
export function isErofsLayerType(mediaType: string): boolean {
  return mediaType === MediaType.layerErofs || mediaType === MediaType.layerErofsZstd;
}
