import { closeSync, constants, fstatSync, openSync, readlinkSync, readSync } from "node:fs";

const O_PATH = 0o10000000;
const WALK = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
const MAX_LINKS = 40;

/**
 * Reads the beginning of a regular file below `root`, following symbolic links inside the root and never out of it.
 * Each component is opened from its parent's descriptor without following links, so a root that someone changes
 * meanwhile cannot lead elsewhere either.
 *
 * @returns undefined when there is no such file
 */
export function readInRoot(root: string, path: string, limit: number): Buffer | undefined {
  const trail = [openSync(root, constants.O_RDONLY | constants.O_DIRECTORY)];
  try {
    const left = path.split("/").reverse();
    for (let links = 0, name = left.pop(); name !== undefined; name = left.pop()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        if (trail.length > 1) closeSync(trail.pop()!);
        continue;
      }
      const place = `/proc/self/fd/${trail.at(-1)}/${name}`;
      const target = linkTarget(place);
      if (target !== undefined) {
        if (++links > MAX_LINKS) return undefined;
        if (target.startsWith("/")) for (const fd of trail.splice(1)) closeSync(fd);
        left.push(...target.split("/").reverse());
      } else if (left.every((rest) => rest === "" || rest === ".")) return readFile(place, limit);
      else {
        const fd = tryOpen(place, WALK);
        if (fd === undefined) return undefined;
        trail.push(fd);
      }
    }
    return undefined;
  } finally {
    for (const fd of trail) closeSync(fd);
  }
}

function linkTarget(place: string): string | undefined {
  try {
    return readlinkSync(place);
  } catch {
    return undefined; // no link, or nothing at all: opening it tells which
  }
}

function tryOpen(place: string, flags: number): number | undefined {
  try {
    return openSync(place, flags);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP" || code === "ENXIO") return undefined;
    throw error;
  }
}

function readFile(place: string, limit: number): Buffer | undefined {
  const fd = tryOpen(place, READ);
  if (fd === undefined) return undefined;
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return undefined;
    const buffer = Buffer.alloc(Math.min(stat.size, limit));
    let length = 0;
    for (let got = -1; got !== 0 && length < buffer.length; length += got) {
      got = readSync(fd, buffer, length, buffer.length - length, null);
    }
    return buffer.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}
