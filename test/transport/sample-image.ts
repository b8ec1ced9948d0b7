import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { writeTar } from "../../src/archive/index.ts";
import type { Descriptor } from "../../src/spec/index.ts";
import { MediaType } from "../../src/spec/index.ts";
import type { Document, ImageSink, ImageSource } from "../../src/transport/index.ts";
import { walkDocuments } from "../../src/transport/index.ts";

function describe(bytes: Uint8Array, mediaType: string): Descriptor {
  return {
    mediaType,
    digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
    size: bytes.length,
  };
}

async function collect(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Writes an image of two gzip layers, the second with `megabytes` of incompressible content. */
export async function writeSample(sink: ImageSink, megabytes = 1): Promise<Document> {
  const noise = Buffer.alloc(megabytes * 1024 * 1024);
  for (let at = 0, seed = 1; at < noise.length; at += 4) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
    noise.writeInt32LE(seed, at);
  }
  const text = new TextEncoder();
  const files = [
    { type: "file", path: "etc/hello", body: text.encode("hello\n") },
    { type: "file", path: "noise", body: noise },
  ] as const;
  const tars = await Promise.all(files.map((file) => collect(writeTar([file]))));
  const layers = tars.map((tar) => gzipSync(tar, { level: 1 }));
  const config = text.encode(
    JSON.stringify({
      architecture: "amd64",
      os: "linux",
      config: { Cmd: ["/bin/sh"] },
      rootfs: { type: "layers", diff_ids: tars.map((tar) => describe(tar, "").digest) },
    }),
  );
  const manifest = text.encode(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MediaType.imageManifest,
      config: describe(config, MediaType.imageConfig),
      layers: layers.map((layer) => describe(layer, MediaType.layerGzip)),
    }),
  );
  for (const blob of [config, ...layers]) await sink.writeBlob(describe(blob, "x/y"), once(blob));
  const root = { descriptor: describe(manifest, MediaType.imageManifest), bytes: manifest };
  await sink.writeManifest(root);
  await sink.commit(root);
  return root;
}

/** Copies a whole image. */
export async function copy(source: ImageSource, sink: ImageSink): Promise<Document> {
  const root = await source.root();
  for await (const { document, parsed } of walkDocuments(source, root)) {
    const blobs = parsed.kind === "manifest" ? [parsed.manifest.config, ...parsed.manifest.layers] : [];
    for (const blob of blobs) {
      if (!(await sink.hasBlob(blob))) await sink.writeBlob(blob, await source.blob(blob));
    }
    await sink.writeManifest(document);
  }
  await sink.commit(root);
  return root;
}

/** SHA-256 of a blob as a source delivers it from `offset` on. */
export async function blobDigest(source: ImageSource, descriptor: Descriptor, offset = 0): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of await source.blob(descriptor, { offset })) hash.update(chunk);
  return `sha256:${hash.digest("hex")}`;
}
