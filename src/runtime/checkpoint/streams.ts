import { readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { CortenError } from "../../spec/index.ts";

/*
 * Standard streams lead out of a container. Its own terminal and null device are in the images, but a pipe has its other
 * end elsewhere, and a file of the host's is on no mount of the container's: criu knows these by a key, and on restore
 * gets a descriptor for it.
 */

/** In the images: what each standard stream was, a key of criu's where it has one. The name is runc's. */
export const DESCRIPTORS = "descriptors.json";
/** Three paths, each at most PATH_MAX long. */
const MAX_DESCRIPTORS = 16 * 1024;

/** What the standard streams of a process lead to: `pipe:[INODE]`, `file[MOUNT:INODE]` for a file of the host's, else a path. */
export function describeStreams(pid: number): string[] {
  const mounts = new Set(readFileSync(`/proc/${pid}/mountinfo`, "latin1").match(/^\d+/gm));
  return [0, 1, 2].map((fd) => {
    const path = `/proc/${pid}/fd/${fd}`;
    const target = readlinkSync(path);
    const { ino } = statSync(path, { bigint: true });
    const mount = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, "latin1"))?.[1];
    const outside = target.startsWith("/") && mount !== undefined && !mounts.has(mount);
    if (!outside || !statSync(path).isFile()) return target;
    return `file[${Number(mount).toString(16)}:${ino.toString(16)}]`;
  });
}

/** The options of a dump that leave them out of the images. */
export function externalStreams(streams: readonly string[]): string[] {
  const files = new Set(streams.filter((stream) => stream.startsWith("file[")));
  return [...files].flatMap((key) => ["--external", key]);
}

/** The options of a restore that put the caller's streams, criu's own, in their places. */
export function inheritedStreams(streams: readonly string[]): string[] {
  return streams
    .slice(0, 3)
    .flatMap((stream, fd) =>
      /^(?:pipe:\[\d+\]|file\[[\da-f]+:[\da-f]+\])$/.test(stream)
        ? ["--inherit-fd", `fd[${fd}]:${stream}`]
        : [],
    );
}

/** Reads from images what the standard streams were. Images of other programs need not tell. */
export function readStreams(imagePath: string): readonly string[] {
  const file = join(imagePath, DESCRIPTORS);
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined) return [];
  try {
    const found: unknown = size > MAX_DESCRIPTORS ? undefined : JSON.parse(readFileSync(file, "utf8"));
    if (Array.isArray(found)) return found.map(String);
  } catch (cause) {
    throw new CortenError("invalid-argument", `${file} is not JSON`, { cause });
  }
  throw new CortenError("invalid-argument", `${file} is not a list of what the standard streams led to`);
}
