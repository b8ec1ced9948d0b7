import { decompress } from "./compression.ts";
import type { TarTime } from "./tar-entry.ts";
import type { TarReadEntry } from "./tar-reader.ts";
import { readTar } from "./tar-reader.ts";
import type { TarInput } from "./tar-writer.ts";
import { writeTar } from "./tar-writer.ts";

/** An entry that was read, to be written again; a sparse file becomes one without holes. */
export function toInput(entry: TarReadEntry): TarInput {
  const { type, path, linkPath, mode, uid, gid, userName, groupName, mtime, xattrs, size, body } = entry;
  const { deviceMajor, deviceMinor } = entry;
  return {
    type,
    path,
    mode,
    uid,
    gid,
    userName,
    groupName,
    mtime,
    xattrs,
    ...(linkPath === "" ? {} : { linkPath }),
    ...(type.endsWith("device") ? { deviceMajor, deviceMinor } : {}),
    ...(type === "file" && size > 0 ? { size, body } : {}),
  };
}

/**
 * A layer as a plain tar archive in which no file is younger than `latest`: what builders call
 * rewriting timestamps, so that two builds of one source give one digest.
 */
export function clampTimes(
  content: AsyncIterable<Uint8Array>,
  latest: number,
  options: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  return writeTar(clamped(readTar(decompress(content, options)), latest));
}

/** True for a time after the second `latest`. */
export function isYounger({ seconds, nanoseconds }: TarTime, latest: number): boolean {
  return seconds > latest || (seconds === latest && nanoseconds > 0);
}

async function* clamped(
  entries: AsyncIterable<TarReadEntry>,
  latest: number,
): AsyncGenerator<TarInput, void, undefined> {
  for await (const entry of entries) {
    const { mtime } = entry;
    yield {
      ...toInput(entry),
      mtime: isYounger(mtime, latest) ? { seconds: latest, nanoseconds: 0 } : mtime,
    };
  }
}
