import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { commandOutput } from "../command.ts";
import { repository } from "../programs.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { FIRST_INIT } from "./agent.ts";
import type { VirtualKernel } from "./kernel.ts";

/** Raise it when what is in it changes: the cached one is then made anew. */
const EDITION = 1;

const DRIVERS = ["virtio_ring", "virtio", "virtio_mmio", "virtio_blk"];
const APPLETS = ["sh", "mount", "umount", "insmod", "sleep", "switch_root", "poweroff", "echo"];

/** The initramfs of virtual machines: busybox and the drivers of their disks. Kept in .cache/. */
export async function initramfs({ release, modules }: VirtualKernel): Promise<string> {
  const archive = join(repository, ".cache/vm", `initramfs-${release}-${EDITION}.cpio`);
  if (existsSync(archive)) return archive;
  using scratch = temporaryDirectory("initramfs");
  const root = scratch.path;
  for (const folder of ["bin", "dev", "modules", "proc", "root"]) mkdirSync(join(root, folder));
  copyFileSync("/bin/busybox", join(root, "bin/busybox"));
  for (const name of APPLETS) linkSync(join(root, "bin/busybox"), join(root, "bin", name));
  const files = readdirSync(modules, { recursive: true, encoding: "utf8" });
  for (const driver of DRIVERS) {
    const file = files.find((path) => basename(path) === `${driver}.ko`);
    if (file === undefined) throw new Error(`the kernel ${release} has no module ${driver}`);
    copyFileSync(join(modules, file), join(root, "modules", `${driver}.ko`));
  }
  writeFileSync(join(root, "init"), FIRST_INIT);
  chmodSync(join(root, "init"), 0o755);
  const fresh = `${archive}.${process.pid}`;
  await commandOutput("sh", ["-c", `find . | cpio --quiet -o -H newc > "$0"`, fresh], { cwd: root });
  renameSync(fresh, archive);
  return archive;
}
