import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { commandOutput } from "../command.ts";
import { repository } from "../programs.ts";
import { temporaryDirectory } from "../temporary-directory.ts";

/** A kernel that virtual machines boot. */
export type VirtualKernel = {
  /** Its release, as `uname -r` tells it. */
  readonly release: string;
  /** A bzImage. */
  readonly image: string;
  /** The folder of its modules, `lib/modules/RELEASE`. */
  readonly modules: string;
};

/**
 * Debian's kernel for cloud machines, the newest of the suite that this machine's apt knows. The package is downloaded
 * and unpacked, not installed, and kept in .cache/.
 */
export async function virtualKernel(): Promise<VirtualKernel> {
  const folder = join(repository, ".cache/vm/kernel");
  if (!existsSync(folder)) await unpackKernel(folder);
  const file = readdirSync(join(folder, "boot")).find((name) => name.startsWith("vmlinuz-"))!;
  const release = file.slice("vmlinuz-".length);
  return { release, image: join(folder, "boot", file), modules: join(folder, "lib/modules", release) };
}

async function unpackKernel(folder: string): Promise<void> {
  using scratch = temporaryDirectory("kernel");
  const depends = await commandOutput("apt-cache", ["depends", "linux-image-cloud-amd64"]);
  const name = /linux-image-\S+-cloud-amd64/.exec(depends.split("\n").slice(1).join("\n"))?.[0];
  if (name === undefined) throw new Error("apt knows no linux-image-cloud-amd64: run apt-get update");
  await commandOutput("apt-get", ["download", name], { cwd: scratch.path, timeoutMs: 300_000 });
  const archive = readdirSync(scratch.path).find((entry) => entry.endsWith(".deb"))!;
  const fresh = `${folder}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  await commandOutput("dpkg-deb", ["-x", join(scratch.path, archive), fresh]);
  renameSync(fresh, folder);
}
