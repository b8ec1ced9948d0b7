import { lchownSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Gives a directory and all that is in it to somebody, links themselves and not what they point at. */
export function chownTree(path: string, uid: number, gid: number): void {
  lchownSync(path, uid, gid);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) chownTree(join(path, entry.name), uid, gid);
    else lchownSync(join(path, entry.name), uid, gid);
  }
}
