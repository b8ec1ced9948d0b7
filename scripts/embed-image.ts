/**
 * Makes the image `corten/hello` as an OCI layout, with the same code that packs any image.
 *
 *     scripts/bun scripts/embed-image.ts dist/native/hello dist/images/hello
 *
 * Equal input gives equal digests: no time or name of the build machine goes in.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { compress, type TarInput, toByteString, writeTar } from "../src/archive/index.ts";
import { type Descriptor, MediaType, parseDigest } from "../src/spec/index.ts";
import { type Document, openSink } from "../src/transport/index.ts";

const [program, layout] = process.argv.slice(2);
if (!program || !layout) throw new Error("usage: embed-image.ts PROGRAM LAYOUT");

type Layer = {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly diffID: string;
  readonly what: string;
};

const text = (content: string): Uint8Array => Buffer.from(content);
const directory = (path: string, mode = 0o755): TarInput => ({
  type: "directory",
  path: toByteString(path),
  mode,
});
const file = (path: string, body: Uint8Array, mode = 0o644): TarInput => ({
  type: "file",
  path: toByteString(path),
  mode,
  body,
});

/** From the bottom up, each with what its history says. */
const layers = [
  await layerOf("the folders and accounts of a root file system", [
    ...["dev", "etc", "proc", "sys"].map((path) => directory(path)),
    directory("root", 0o700),
    directory("tmp", 0o1777),
    file("etc/passwd", text("root:x:0:0:root:/root:/hello\nnobody:x:65534:65534:nobody:/:/hello\n")),
    file("etc/group", text("root:x:0:\nnogroup:x:65534:\n")),
    directory("etc/corten"),
    file("etc/corten/message", text("hidden: the layer above has another\n")),
  ]),
  await layerOf("a message over the one below", [
    file("etc/corten/message", text("three layers of one image, stacked\n")),
  ]),
  await layerOf("the program", [file("hello", readFileSync(program), 0o755)]),
];

const config = documentOf(MediaType.imageConfig, {
  architecture: process.arch === "arm64" ? "arm64" : "amd64",
  os: "linux",
  created: "1970-01-01T00:00:00Z",
  config: { Env: ["PATH=/"], Cmd: ["/hello"], WorkingDir: "/" },
  rootfs: { type: "layers", diff_ids: layers.map(({ diffID }) => diffID) },
  history: layers.map(({ what }) => ({ created: "1970-01-01T00:00:00Z", created_by: `corten: ${what}` })),
});
const manifest = documentOf(MediaType.imageManifest, {
  schemaVersion: 2,
  mediaType: MediaType.imageManifest,
  config: config.descriptor,
  layers: layers.map(({ descriptor }) => descriptor),
});

const fresh = `${layout}.${process.pid}`;
rmSync(fresh, { recursive: true, force: true });
mkdirSync(dirname(layout), { recursive: true });
{
  await using sink = await openSink({ kind: "layout", path: fresh, ref: "latest" });
  for (const { descriptor, bytes } of [...layers, config]) await sink.writeBlob(descriptor, streamOf(bytes));
  await sink.writeManifest(manifest);
  await sink.commit(manifest);
}
rmSync(layout, { recursive: true, force: true });
renameSync(fresh, layout);

async function layerOf(what: string, entries: readonly TarInput[]): Promise<Layer> {
  const tar = await gather(writeTar(entries));
  const bytes = await gather(compress(streamOf(tar), "gzip"));
  return { descriptor: describe(MediaType.layerGzip, bytes), bytes, diffID: sha256(tar), what };
}

function documentOf(mediaType: string, value: object): Document {
  const bytes = Buffer.from(JSON.stringify(value));
  return { descriptor: describe(mediaType, bytes), bytes };
}

function describe(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: parseDigest(sha256(bytes)), size: bytes.length };
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

async function* streamOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function gather(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
