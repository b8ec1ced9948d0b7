import {
  openFilesystemStorage,
  openPostgresqlMetadata,
  type RegistryStorage,
  S3Blobs,
} from "../../../src/registry/index.ts";

/** Where the content of a storm is: a directory, or a bucket with its rows in PostgreSQL. */
export type StormPlace =
  | { readonly root: string }
  | { readonly s3: ConstructorParameters<typeof S3Blobs>[0]; readonly postgresql: string };

export async function openStormStorage(place: StormPlace): Promise<RegistryStorage> {
  if ("root" in place)
    return openFilesystemStorage(place.root, { onFailure: (error) => console.error(error) });
  const metadata = await openPostgresqlMetadata({ url: place.postgresql, connections: 4 });
  const blobs = new S3Blobs(place.s3);
  return {
    metadata,
    blobs,
    async [Symbol.asyncDispose]() {
      await metadata[Symbol.asyncDispose]();
      await blobs[Symbol.asyncDispose]();
    },
  };
}
