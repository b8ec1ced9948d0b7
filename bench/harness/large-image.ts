import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { repository } from "../../test/support/index.ts";
import { mustRun } from "./program.ts";

/** What an image for a bench is made of. */
export interface ImageShape {
  /** Under which it is kept in .cache/. */
  readonly name: string;
  readonly layers: number;
  /** Bytes of each layer before compression, about. */
  readonly layerBytes: number;
  readonly compression: "gzip" | "zstd";
  /**
   * `usr`: files of this machine's /usr, as an image of a distribution has them; `random`: one file that cannot be
   * compressed, as models and media are; `small`: files of about 2 KB, as source trees have them.
   */
  readonly content: "usr" | "random" | "small";
}

/** Four gzip layers of real files, 210 MB each before compression, about 300 MB in all as transported. */
const LARGE: ImageShape = {
  name: "bench-image",
  layers: 4,
  layerBytes: 210 * 1024 * 1024,
  compression: "gzip",
  content: "usr",
};

/** Bytes of a small file; sizes go from 100 bytes to twice this. */
const SMALL_FILE = 2048;

/** Returns an OCI layout with an image of that shape. Made once, kept in .cache/; the tag is `bench`. */
export function largeImage(shape: ImageShape = LARGE): string {
  const layout = join(repository, ".cache", shape.name);
  if (existsSync(layout)) return layout;
  console.log("  making the image for the bench, about a minute");
  const fresh = `${layout}.${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(join(fresh, "blobs/sha256"), { recursive: true });
  const layers = makeLayers(fresh, shape);
  const config = writeBlob(fresh, {
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config: { Env: ["PATH=/usr/bin"], Cmd: ["/usr/bin/true"] },
    rootfs: { type: "layers", diff_ids: layers.map(({ diffID }) => diffID) },
  });
  const manifest = writeBlob(fresh, {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
    layers: layers.map(({ digest, size }) => ({
      mediaType: `application/vnd.oci.image.layer.v1.tar+${shape.compression}`,
      digest,
      size,
    })),
  });
  writeFileSync(join(fresh, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(
    join(fresh, "index.json"),
    JSON.stringify({
      schemaVersion: 2,
      manifests: [
        {
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          ...manifest,
          annotations: { "org.opencontainers.image.ref.name": "bench" },
        },
      ],
    }),
  );
  renameSync(fresh, layout);
  return layout;
}

interface Layer {
  readonly diffID: string;
  readonly digest: string;
  readonly size: number;
}

function makeLayers(layout: string, shape: ImageShape): Layer[] {
  if (shape.content === "usr") {
    return fileLists(shape).map((files) => writeLayer(layout, "/", files, shape.compression));
  }
  return Array.from({ length: shape.layers }, (_, index) => {
    const tree = join(layout, "tree");
    const folder = join(tree, "content", String(index));
    mkdirSync(folder, { recursive: true });
    if (shape.content === "random") writeRandom(join(folder, "file"), shape.layerBytes);
    else writeSmallFiles(folder, shape.layerBytes);
    const layer = writeLayer(layout, tree, [join("content", String(index))], shape.compression);
    rmSync(tree, { recursive: true });
    return layer;
  });
}

function writeRandom(path: string, bytes: number): void {
  const file = openSync(path, "w");
  for (let left = bytes; left > 0; left -= 1 << 20) writeSync(file, randomBytes(Math.min(left, 1 << 20)));
  closeSync(file);
}

/** Text that compresses about as source code does. */
function writeSmallFiles(folder: string, bytes: number): void {
  const words = Array.from({ length: 500 }, () => randomBytes(5).toString("hex"));
  for (let written = 0, number = 0; written < bytes; number++) {
    const size = 100 + ((number * 7919) % (2 * SMALL_FILE - 200));
    let text = "";
    while (text.length < size) text += `${words[(text.length * 31 + number) % words.length]} `;
    const directory = join(folder, String(number % 200));
    if (number < 200) mkdirSync(directory);
    writeFileSync(join(directory, `${number}.txt`), text);
    written += text.length;
  }
}

/** Files and links below /usr in the order of their names, cut into lists of `layerBytes` each. */
function fileLists({ layers, layerBytes }: ImageShape): string[][] {
  const lists: string[][] = [[]];
  let bytes = 0;
  for (const path of walk("usr")) {
    const { size } = lstatSync(join("/", path));
    if (size > layerBytes / 2) continue;
    if (bytes + size > layerBytes) {
      if (lists.length === layers) break;
      lists.push([]);
      bytes = 0;
    }
    lists[lists.length - 1]!.push(path);
    bytes += size;
  }
  if (lists.length < layers) throw new Error(`/usr has files for ${lists.length} layers only, not ${layers}`);
  return lists;
}

function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(join("/", folder), { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else if (entry.isFile() || entry.isSymbolicLink()) yield path;
  }
}

function writeLayer(
  layout: string,
  root: string,
  files: readonly string[],
  compression: ImageShape["compression"],
): Layer {
  const list = join(layout, "files");
  const tar = join(layout, "layer.tar");
  writeFileSync(list, files.join("\n"));
  mustRun("tar", "--numeric-owner", "-C", root, "--verbatim-files-from", `--files-from=${list}`, "-cf", tar);
  const diffID = sha256OfFile(tar);
  const packed = join(layout, "layer.packed");
  if (compression === "gzip") {
    mustRun("gzip", "-6", "--no-name", tar);
    renameSync(`${tar}.gz`, packed);
  } else mustRun("zstd", "-q", "--rm", "-3", tar, "-o", packed);
  const digest = sha256OfFile(packed);
  const { size } = lstatSync(packed);
  renameSync(packed, join(layout, "blobs", digest.replace(":", "/")));
  rmSync(list);
  return { diffID, digest, size };
}

function sha256OfFile(path: string): string {
  const { status, stdout, stderr } = spawnSync("sha256sum", [path], { encoding: "utf8" });
  if (status !== 0) throw new Error(`sha256sum ${path}: ${stderr}`);
  return `sha256:${stdout.split(" ")[0]}`;
}

function writeBlob(layout: string, document: object): { digest: string; size: number } {
  const bytes = Buffer.from(JSON.stringify(document));
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  writeFileSync(join(layout, "blobs", digest.replace(":", "/")), bytes);
  return { digest, size: bytes.length };
}

/** The bytes of the layout's layers as they are transported. */
export function transportedBytes(layout: string): number {
  const folder = join(layout, "blobs/sha256");
  return readdirSync(folder).reduce((sum, name) => sum + lstatSync(join(folder, name)).size, 0);
}
