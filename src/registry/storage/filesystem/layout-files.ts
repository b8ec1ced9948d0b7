import { copyFile, link, mkdir, readdir, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Descriptor, Digest, ImageIndex, ImageLayout } from "../../../spec/index.ts";
import { Annotation, MediaType, splitDigest } from "../../../spec/index.ts";
import type { LayoutContent } from "./layout-rows.ts";

/** The directory of a layout inside that of its repository: no component of a name begins so. */
const LAYOUT = "_layout";

/** Files written at the same time: one that is alone wakes a thread and the event loop for each of its calls. */
const AT_ONCE = 16;

/** Where things come from that a layout shows. */
export interface LayoutSources {
  readonly blobPath: (key: string) => string;
  readonly manifest: (digest: Digest) => Uint8Array | undefined;
}

/** The layout of a repository: `root/library/alpine/_layout`. */
export function layoutDirectory(root: string, repository: string): string {
  return join(root, ...repository.split("/"), LAYOUT);
}

/**
 * Brings the files of a layout (image-spec, image-layout.md) to the state that `content` is: blobs as hard
 * links, manifests as files, `index.json` last, so that it never names what is not there. Nothing is synced:
 * pushes would wait for the disk, and after a power cut all layouts are written again.
 *
 * @param whole true where what is in the directory was written or looked at since this process began: only a power cut
 *   leaves half a manifest, and to look at all of them each time would make the pushes of many quadratic
 */
export async function writeLayout(
  directory: string,
  content: LayoutContent,
  sources: LayoutSources,
  whole: boolean,
): Promise<void> {
  for (const algorithm of ["blake3", "sha256", "sha512"]) {
    await mkdir(join(directory, "blobs", algorithm), { recursive: true, mode: 0o700 });
  }
  const present = await presentBlobs(directory);
  for (const { digest, key } of content.blobs) {
    if (present.delete(digest)) continue;
    await linkBlob(sources.blobPath(key), blobPath(directory, digest));
  }
  const missing: Digest[] = [];
  for (const { digest, size } of content.manifests) {
    const there = present.delete(digest);
    if (there && (whole || (await stat(blobPath(directory, digest))).size === size)) continue;
    missing.push(digest);
  }
  for (let at = 0; at < missing.length; at += AT_ONCE) {
    // All of them end before the first failure is thrown: the next pass must not meet what this one still writes.
    const written = await Promise.allSettled(
      missing.slice(at, at + AT_ONCE).map(async (digest) => {
        const bytes = sources.manifest(digest);
        if (bytes !== undefined) await replaceFile(blobPath(directory, digest), bytes);
      }),
    );
    for (const each of written) if (each.status === "rejected") throw each.reason;
  }
  const layout: ImageLayout = { imageLayoutVersion: "1.0.0" };
  await replaceFile(join(directory, "oci-layout"), Buffer.from(JSON.stringify(layout)));
  await replaceFile(join(directory, "index.json"), Buffer.from(JSON.stringify(indexOf(content))));
  for (const digest of present) await rm(blobPath(directory, digest), { force: true });
}

/** Removes the layout of a repository, and what directories become empty by that. */
export async function removeLayout(root: string, repository: string): Promise<void> {
  const directory = layoutDirectory(root, repository);
  await rm(directory, { recursive: true, force: true });
  for (let at = dirname(directory); at !== root; at = dirname(at)) {
    try {
      await rmdir(at);
    } catch {
      return; // it holds other repositories, or was never there
    }
  }
}

/** Tagged manifests once a tag, the others by themselves. */
function indexOf({ manifests, tags }: LayoutContent): ImageIndex {
  const byRow = new Map(manifests.map((manifest) => [manifest.id, manifest]));
  const tagged = new Set(tags.map((tag) => tag.manifest));
  const entries: Descriptor[] = [];
  for (const { name, manifest } of tags) {
    const found = byRow.get(manifest);
    if (found === undefined) continue;
    const { mediaType, digest, size } = found;
    entries.push({ mediaType, digest, size, annotations: { [Annotation.refName]: name } });
  }
  for (const { id, mediaType, digest, size } of manifests) {
    if (!tagged.has(id)) entries.push({ mediaType, digest, size });
  }
  return { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: entries };
}

function blobPath(directory: string, digest: Digest): string {
  return join(directory, "blobs", ...splitDigest(digest));
}

async function presentBlobs(directory: string): Promise<Set<Digest>> {
  const present = new Set<Digest>();
  for (const algorithm of ["blake3", "sha256", "sha512"]) {
    for (const encoded of await readdir(join(directory, "blobs", algorithm))) {
      present.add(`${algorithm}:${encoded}`);
    }
  }
  return present;
}

async function linkBlob(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Removed meanwhile: the repository has changed, and is written again.
    if (code === "EEXIST" || code === "ENOENT") return;
    // The empty configuration of many artifacts has more links than a file may have; or there are none here.
    if (code !== "EMLINK" && code !== "EPERM" && code !== "ENOTSUP") throw error;
    await copyFile(from, `${to}.new`);
    await rename(`${to}.new`, to);
  }
}

/** Replaces a file so that it is the old one or the new one, whole, when this process is killed. */
async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.new`;
  await writeFile(temporary, bytes, { mode: 0o600 });
  await rename(temporary, path);
}
