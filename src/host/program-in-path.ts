import { accessSync, constants } from "node:fs";
import { join } from "node:path";

/**
 * Where a program of others is: the first in PATH, then in /usr/sbin and /sbin, which ordinary users lack. Entries that
 * are not absolute are left out: they would run a program of whatever directory this is called in.
 */
export function findInPath(name: string): string | undefined {
  const path = process.env["PATH"] ?? "";
  const folders = [...path.split(":"), "/usr/sbin", "/sbin"].filter((folder) => folder.startsWith("/"));
  return folders
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false; // not there, or not for us
      }
    });
}
