import { type Connection, headerOf, mustAnswer } from "./connection.ts";
import { type Blob, MANIFEST_TYPE, manifestOf } from "./content.ts";

/** An image that is, or will be, in a registry. */
export type Image = {
  readonly repository: string;
  readonly tag: string;
  readonly config: Blob;
  readonly layer: Blob;
};

async function beginUpload(connection: Connection, repository: string): Promise<string> {
  const begun = await mustAnswer(202, connection.ask("POST", `/v2/${repository}/blobs/uploads/`));
  return headerOf(begun, "location").replace(/^https?:\/\/[^/]*/, "");
}

function ending(location: string, digest: string): string {
  return `${location}${location.includes("?") ? "&" : "?"}digest=${digest}`;
}

/** POST, then PUT with all of it. */
export async function pushBlob(connection: Connection, repository: string, blob: Blob): Promise<void> {
  const location = await beginUpload(connection, repository);
  await mustAnswer(
    201,
    connection.ask("PUT", ending(location, blob.digest), blob.parts, "application/octet-stream"),
  );
}

/** POST, PATCH with all of it, PUT. */
export async function pushStreamed(connection: Connection, repository: string, blob: Blob): Promise<void> {
  const location = await beginUpload(connection, repository);
  const patched = await mustAnswer(
    202,
    connection.ask("PATCH", location, blob.parts, "application/octet-stream"),
  );
  const next = headerOf(patched, "location").replace(/^https?:\/\/[^/]*/, "");
  await mustAnswer(201, connection.ask("PUT", ending(next, blob.digest)));
}

export async function pushManifest(
  connection: Connection,
  { repository, tag, config, layer }: Image,
): Promise<void> {
  const bytes = manifestOf(config, [layer]);
  await mustAnswer(201, connection.ask("PUT", `/v2/${repository}/manifests/${tag}`, [bytes], MANIFEST_TYPE));
}

/** A whole image, its layer by `pushLayer`. */
export async function pushImage(
  connection: Connection,
  image: Image,
  pushLayer: typeof pushBlob = pushBlob,
): Promise<void> {
  await pushLayer(connection, image.repository, image.layer);
  await pushBlob(connection, image.repository, image.config);
  await pushManifest(connection, image);
}

/** HEAD and GET of the manifest, GET of configuration and layer. */
export async function pullImage(
  connection: Connection,
  { repository, tag, config, layer }: Image,
): Promise<void> {
  await mustAnswer(200, connection.ask("HEAD", `/v2/${repository}/manifests/${tag}`));
  await mustAnswer(200, connection.ask("GET", `/v2/${repository}/manifests/${tag}`));
  await mustAnswer(200, connection.ask("GET", `/v2/${repository}/blobs/${config.digest}`));
  const { length } = await mustAnswer(200, connection.ask("GET", `/v2/${repository}/blobs/${layer.digest}`));
  if (length !== layer.size) throw new Error(`the layer came with ${length} bytes, not ${layer.size}`);
}
