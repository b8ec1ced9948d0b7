import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "../../test/support/index.ts";
import { mustRun } from "./program.ts";

const layerCount = 4;
const layerBytes = 210 * 1024 * 1024;

/**
 * Returns an OCI layout with an image of real files of this machine's /usr: four gzip layers of 210 MB each
 * before compression, about 300 MB in all as transported. Made once, kept in .cache/; the tag is `bench`.
 */
export function largeImage(): string {
  const layout = join(repository, ".cache/bench-image");
  if (existsSync(layout)) return layout;
  console.log("  making the image for the bench from /usr, about a minute");
  const fresh = `${layout}.${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(join(fresh, "blobs/sha256"), { recursive: true });
  const layers = fileLists().map((files) => writeLayer(fresh, files));
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
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
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

/** Files and links below /usr in the order of their names, cut into lists of `layerBytes` each. */
function fileLists(): string[][] {
  const lists: string[][] = [[]];
  let bytes = 0;
  for (const path of walk("usr")) {
    const { size } = lstatSync(join("/", path));
    if (size > layerBytes / 2) continue;
    if (bytes + size > layerBytes) {
      if (lists.length === layerCount) break;
      lists.push([]);
      bytes = 0;
    }
    lists[lists.length - 1]!.push(path);
    bytes += size;
  }
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
  files: readonly string[],
): { diffID: string; digest: string; size: number } {
  const list = join(layout, "files");
  const tar = join(layout, "layer.tar");
  writeFileSync(list, files.join("\n"));
  mustRun("tar", "--numeric-owner", "-C", "/", "--verbatim-files-from", `--files-from=${list}`, "-cf", tar);
  const diffID = sha256OfFile(tar);
  mustRun("gzip", "-6", "--no-name", tar);
  const packed = `${tar}.gz`;
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
