import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readTar } from "../../src/archive/index.ts";

/** Everything about one file that `stat`, `getxattr`, `readlink` and `read` can tell, for deepEqual. */
export interface Seen {
  readonly type: string;
  readonly mode: number;
  readonly owner: readonly [uid: number, gid: number];
  readonly mtime: string;
  readonly size: number;
  readonly link: string;
  readonly device: string;
  readonly xattrs: Readonly<Record<string, string>>;
  readonly content: string;
  readonly links: number;
}

export type Tree = ReadonlyMap<string, Seen>;

const IN_OWN_MOUNTS = ["-m", "--propagation", "private", "sh", "-ec"];

/** Mounts `image` the way Corten does, straight from the file; util-linux's mount would take a loop device. */
const MOUNT = 'busybox mount -t erofs -o ro "$0" "$1"';

/**
 * The tree in `directory`, as GNU tar and find see it, each with its byte-string path. With `image`,
 * the tree of that EROFS image, mounted on `directory` in a mount namespace of its own.
 */
export async function seeTree(directory: string, image?: string): Promise<Tree> {
  const mount = image === undefined ? ":" : MOUNT;
  const tar = `${mount}; exec tar --format=pax --xattrs --xattrs-include='*' --numeric-owner --sort=name -cf - -C "$1" .`;
  const find = `${mount}; exec find "$1" -printf '%n %P\\0'`;
  const args = [image ?? "-", directory];
  const links = await linkCounts(find, args);
  const tree = new Map<string, Seen>();
  const child = spawn("unshare", [...IN_OWN_MOUNTS, tar, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const complaints = collect(child.stderr);
  const exited = once(child, "close");
  for await (const entry of readTar(child.stdout)) {
    const path = entry.path.replace(/^\.\/?/, "").replace(/\/$/, "");
    const hash = createHash("sha256");
    for await (const piece of entry.body) hash.update(piece);
    tree.set(path, {
      type: entry.type,
      mode: entry.mode,
      owner: [entry.uid, entry.gid],
      mtime: `${entry.mtime.seconds}.${entry.mtime.nanoseconds}`,
      size: entry.size,
      link: entry.linkPath,
      device: `${entry.deviceMajor}:${entry.deviceMinor}`,
      xattrs: Object.fromEntries(
        [...entry.xattrs].sort().map(([name, value]) => [name, Buffer.from(value).toString("hex")]),
      ),
      content: hash.digest("hex"),
      links: links.get(path) ?? 0,
    });
  }
  const [code] = await exited;
  if (code !== 0) throw new Error(`tar of ${image ?? directory} ended with ${code}: ${await complaints}`);
  return tree;
}

async function linkCounts(script: string, args: readonly string[]): Promise<Map<string, number>> {
  const child = spawn("unshare", [...IN_OWN_MOUNTS, script, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const output = await collect(child.stdout);
  const counts = new Map<string, number>();
  for (const line of output.split("\0")) {
    const space = line.indexOf(" ");
    if (space > 0) counts.set(line.slice(space + 1), Number(line.slice(0, space)));
  }
  return counts;
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString("latin1");
}

/** Runs a command to its end. @throws when it fails */
export async function run(command: string, args: readonly string[], cwd?: string): Promise<string> {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    ...(cwd === undefined ? {} : { cwd }),
  });
  const [out, complaints] = await Promise.all([
    collect(child.stdout),
    collect(child.stderr),
    once(child, "close"),
  ]);
  if (child.exitCode !== 0)
    throw new Error(`${command} ${args.join(" ")} ended with ${child.exitCode}: ${complaints}`);
  return out;
}

/** Why mounts cannot be tested here, or false. */
export function cannotMount(): string | false {
  if (process.platform !== "linux") return "needs Linux";
  return process.getuid?.() === 0 ? false : "needs root";
}
