import { createReadStream } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { TarInput } from "../../archive/index.ts";
import { compress, toByteString, writeTar } from "../../archive/index.ts";
import type { Digest } from "../../spec/index.ts";
import { CortenError } from "../../spec/index.ts";

/**
 * Packs a directory as oras does: a gzip'ed tar archive whose names begin with the directory's title. Names are
 * sorted and times and owners left out, so that equal directories give equal bytes.
 *
 * @returns the stream, and the digest of what it unpacks to, which is known once the stream has ended
 * @throws invalid-argument for devices, sockets and pipes
 */
export function packDirectory(
  path: string,
  title: string,
): { readonly content: AsyncIterable<Uint8Array>; readonly unpackedDigest: () => Digest } {
  let digest: Digest | undefined;
  async function* hashed(): AsyncGenerator<Uint8Array, void, undefined> {
    const { createHash } = await import("node:crypto");
    const hash = createHash("sha256");
    for await (const chunk of writeTar(entriesOf(path, title))) {
      hash.update(chunk);
      yield chunk;
    }
    digest = `sha256:${hash.digest("hex")}`;
  }
  return {
    content: compress(hashed(), "gzip"),
    unpackedDigest: () => {
      if (digest === undefined) throw new CortenError("internal", `${path} is not packed to its end`);
      return digest;
    },
  };
}

async function* entriesOf(path: string, name: string): AsyncGenerator<TarInput, void, undefined> {
  const found = await lstat(path);
  const entry = { path: toByteString(name), mode: found.mode & 0o777 };
  if (found.isDirectory()) {
    yield { ...entry, type: "directory" };
    for (const child of (await readdir(path)).sort()) yield* entriesOf(join(path, child), `${name}/${child}`);
  } else if (found.isSymbolicLink()) {
    yield { type: "symlink", path: entry.path, linkPath: toByteString(await readlink(path)) };
  } else if (found.isFile()) {
    const body = found.size === 0 ? new Uint8Array() : (createReadStream(path) as AsyncIterable<Uint8Array>);
    yield { ...entry, type: "file", size: found.size, body };
  } else {
    throw new CortenError("invalid-argument", `${path} is neither file, directory nor symbolic link`);
  }
}
