import { join } from "node:path";
import { commandOutput } from "../support/index.ts";

const program = join(import.meta.dirname, "tree-manifest.py");

/** A line for each file of a tree: name, type, mode, owner, time, attributes, links, content. */
export function treeManifest(directory: string): Promise<string> {
  return commandOutput("python3", [program, directory]);
}

/** Mounts the images in a mount namespace of its own and lists the tree. */
export async function mountedManifest(scratch: string, files: readonly string[]): Promise<string> {
  const base = join(scratch, "mounts");
  const script = ["set -e", "mount --make-rprivate /", `mkdir -p ${base}/merged`];
  const lower: string[] = [];
  for (const [i, file] of files.entries()) {
    // busybox mounts the file itself; util-linux would put a loop device in between.
    script.push(`mkdir -p ${base}/${i}`, `busybox mount -t erofs -o ro ${file} ${base}/${i}`);
    lower.unshift(`${base}/${i}`);
  }
  const tree = lower.length === 1 ? lower[0]! : `${base}/merged`;
  if (lower.length > 1)
    script.push(`mount -t overlay overlay -o ro,lowerdir=${lower.join(":")} ${base}/merged`);
  script.push(`exec python3 ${program} ${tree}`);
  return commandOutput("unshare", ["-m", "bash", "-c", script.join("\n")], { timeoutMs: 120_000 });
}
