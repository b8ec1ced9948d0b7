import { createHash, randomBytes } from "node:crypto";

/** A blob as parts: those of one size share all but the first page. */
export type Blob = { readonly digest: string; readonly size: number; readonly parts: readonly Uint8Array[] };

const PAGE = 4096;
const rests = new Map<number, Uint8Array>();

/** A blob of random bytes that was never there before. */
export function newBlob(size: number): Blob {
  let rest = rests.get(size);
  if (rest === undefined) {
    rest = randomBytes(size - PAGE);
    rests.set(size, rest);
  }
  const parts = [randomBytes(PAGE), rest];
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return { digest: `sha256:${hash.digest("hex")}`, size, parts };
}

export const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";

/** A configuration that was never there before: docker-registry fails when two push the same one at once. */
export function newConfig(): Blob {
  const bytes = Buffer.from(
    JSON.stringify({
      architecture: "amd64",
      os: "linux",
      author: randomBytes(16).toString("hex"),
      rootfs: { type: "layers", diff_ids: [] },
    }),
  );
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { digest, size: bytes.length, parts: [bytes] };
}

/** A manifest; `mark` makes it one of its own. */
export function manifestOf(config: Blob, layers: readonly Blob[], mark = ""): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: {
        mediaType: "application/vnd.oci.image.config.v1+json",
        digest: config.digest,
        size: config.size,
      },
      layers: layers.map(({ digest, size }) => ({
        mediaType: "application/vnd.oci.image.layer.v1.tar",
        digest,
        size,
      })),
      annotations: { mark },
    }),
  );
}
