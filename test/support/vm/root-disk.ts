import { chmodSync, cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandOutput } from "../command.ts";
import { unpackDebianRootfs } from "../debian-rootfs.ts";
import { repository } from "../programs.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { AGENT, PLAIN_INIT, UNIT } from "./agent.ts";
import { makeDisk } from "./disk.ts";
import type { VirtualKernel } from "./kernel.ts";

/** Raise it when what is on the disk changes: the cached one is then made anew. */
const EDITION = 2;

const PACKAGES = [
  ...["dbus", "dbus-user-session", "iproute2", "kmod", "libpam-systemd", "systemd", "systemd-sysv"],
];

/**
 * The root disk of virtual machines: a minimal Debian with systemd and D-Bus, the kernel's modules, and the agent that
 * runs commands. Made once, kept in .cache/; machines write to a copy in memory.
 */
export async function rootDisk(kernel: VirtualKernel): Promise<string> {
  const folder = join(repository, ".cache/vm");
  const image = join(folder, `root-${kernel.release}-${EDITION}.ext4`);
  if (existsSync(image)) return image;
  mkdirSync(folder, { recursive: true });
  using scratch = temporaryDirectory("vm-root");
  const root = join(scratch.path, "root");
  await unpackDebianRootfs(root, { include: PACKAGES });
  for (const name of ["usr/share/doc", "usr/share/locale", "usr/share/man", "var/cache/debconf"]) {
    rmSync(join(root, name), { recursive: true, force: true });
  }
  cpSync(kernel.modules, join(root, "usr/lib/modules", kernel.release), { recursive: true });
  await commandOutput("depmod", ["-b", root, kernel.release]);
  const program = (path: string, text: string) => {
    writeFileSync(join(root, path), text);
    chmodSync(join(root, path), 0o755);
  };
  mkdirSync(join(root, "corten"), { recursive: true });
  program("usr/sbin/vm-agent", AGENT);
  program("usr/sbin/vm-init", PLAIN_INIT);
  writeFileSync(join(root, "etc/systemd/system/vm-agent.service"), UNIT);
  const wants = join(root, "etc/systemd/system/multi-user.target.wants");
  mkdirSync(wants, { recursive: true });
  symlinkSync("/etc/systemd/system/vm-agent.service", join(wants, "vm-agent.service"));
  // The agent has the console for itself, and nothing here ever asks for the time or the network.
  for (const unit of ["getty@tty1", "serial-getty@ttyS0", "systemd-timesyncd", "systemd-resolved"]) {
    symlinkSync("/dev/null", join(root, `etc/systemd/system/${unit}.service`));
  }
  await commandOutput("chroot", [root, "useradd", "-m", "-u", "1000", "-s", "/bin/sh", "user"]);
  await makeDisk(image, root, "root", 1024);
  return image;
}
