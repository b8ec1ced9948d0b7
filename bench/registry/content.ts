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

/** The configuration of every image here. */
export const config: Blob = (() => {
  const bytes = Buffer.from('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}');
  return {
    digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
    size: bytes.length,
    parts: [bytes],
  };
})();

/** A manifest of {@link config} and layers; `mark` makes it one of its own. */
export function manifestOf(layers: readonly Blob[], mark = ""): Buffer {
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
