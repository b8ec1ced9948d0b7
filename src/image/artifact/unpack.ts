import { posix } from "node:path";
import type { TarReadEntry } from "../../archive/index.ts";
import { decompress, readTar, toText } from "../../archive/index.ts";
import type { Digest } from "../../spec/index.ts";
import { CortenError, parseDigest } from "../../spec/index.ts";
import type { LayoutDirectory } from "../../transport/index.ts";
import { checkTitle } from "./title.ts";

const MAX_ENTRIES = 200_000;

/**
 * Unpacks a directory of an artifact below `directory`, entry by entry through descriptors: no link on the way is
 * followed, whether it was there before or came with the archive, and a hard link is made to what stands at its
 * target inside (CVE-2026-50163, CVE-2021-21272).
 *
 * @param title the directory's name, with which every name in the archive begins
 * @param unpackedDigest what the unpacked archive must have, where the artifact says it
 * @throws invalid-argument for a name or link that leads out, and for devices; data-loss for another digest
 */
export async function unpackDirectory(
  directory: LayoutDirectory,
  title: string,
  content: AsyncIterable<Uint8Array>,
  options: { readonly unpackedDigest?: string; readonly signal?: AbortSignal },
): Promise<void> {
  const { unpackedDigest, signal } = options;
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256");
  async function* hashed(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of decompress(content, signal === undefined ? {} : { signal })) {
      hash.update(chunk);
      yield chunk;
    }
  }
  await directory.makeDirectory(title);
  for await (const entry of readTar(hashed(), { entries: MAX_ENTRIES })) {
    signal?.throwIfAborted();
    await unpackEntry(directory, title, entry);
  }
  const found: Digest = `sha256:${hash.digest("hex")}`;
  if (unpackedDigest === undefined || parseDigest(unpackedDigest) === found) return;
  throw new CortenError("data-loss", `${title} unpacks to the digest ${found}, not ${unpackedDigest}`);
}

async function unpackEntry(directory: LayoutDirectory, title: string, entry: TarReadEntry): Promise<void> {
  const path = inside(title, toText(entry.path), "an entry");
  switch (entry.type) {
    case "directory":
      return directory.makeDirectory(path);
    case "file":
      return directory.write(path, entry.body, (entry.mode & 0o777) | 0o600);
    case "hardlink":
      return directory.link(path, inside(title, toText(entry.linkPath), `the hard link ${path}`));
    case "symlink": {
      const target = toText(entry.linkPath);
      if (target.startsWith("/")) throw leadsOut(`the symbolic link ${path}`, target);
      inside(title, posix.join(posix.dirname(path), target), `the symbolic link ${path}`);
      return directory.symlink(path, target);
    }
    default:
      throw new CortenError(
        "invalid-argument",
        `${title}: ${path} is a ${entry.type}, which an artifact cannot hold`,
      );
  }
}

/** A name in the archive of the directory `title`, which may be the directory itself. */
function inside(title: string, name: string, what: string): string {
  const path = checkTitle(name, `${title}: ${what}`);
  if (path === title || path.startsWith(`${title}/`)) return path;
  throw leadsOut(what, name);
}

function leadsOut(what: string, target: string): CortenError {
  return new CortenError(
    "invalid-argument",
    `${what} leads out of the directory: ${JSON.stringify(target.slice(0, 200))}`,
  );
}
