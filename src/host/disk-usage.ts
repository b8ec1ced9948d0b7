import { lstatSync, readdirSync, type Stats } from "node:fs";
import { join } from "node:path";

/**
 * Bytes that a directory takes on disk, itself included: holes are not counted, a file with several names once, and
 * nothing behind a symbolic link or in another file system. What the caller may not look into is left out: an ordinary
 * user does not reach all that the users of its containers keep to themselves.
 */
export function bytesOnDisk(path: string): number {
  const top = look(path);
  if (top === undefined) return 0;
  const counted = new Set<number>();
  let bytes = top.blocks * 512;
  const directories = top.isDirectory() ? [path] : [];
  for (let next = directories.pop(); next !== undefined; next = directories.pop()) {
    for (const name of namesIn(next)) {
      const stat = look(join(next, name));
      if (stat === undefined || stat.dev !== top.dev) continue;
      if (stat.isDirectory()) directories.push(join(next, name));
      else if (stat.nlink > 1) {
        if (counted.has(stat.ino)) continue;
        counted.add(stat.ino);
      }
      bytes += stat.blocks * 512;
    }
  }
  return bytes;
}

/** What is there now; others may remove it meanwhile. */
function look(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    return ignoreUnreachable(error);
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    return ignoreUnreachable(error) ?? [];
  }
}

function ignoreUnreachable(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "EACCES" || code === "ENOTDIR") return undefined;
  throw error;
}
