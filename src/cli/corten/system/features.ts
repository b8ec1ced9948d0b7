import { readFileSync, statfsSync } from "node:fs";
import { type HostFacts, kernelAtLeast, mountOf } from "../../../host/index.ts";

/** What the kernel can do that Corten uses, newest needs last. */
const kernelFeatures = [
  { name: "pidfd", since: [5, 3] },
  { name: "openat2", since: [5, 6] },
  { name: "clone into cgroup", since: [5, 7] },
  { name: "close_range", since: [5, 11] },
  { name: "mount_setattr", since: [5, 12] },
  { name: "cgroup.kill", since: [5, 14] },
  { name: "file-backed EROFS", since: [6, 12] },
] as const;

export interface KernelFeature {
  readonly name: string;
  /** The oldest kernel that has it. */
  readonly since: string;
  readonly present: boolean;
}

/** What this kernel has, by its version: a vendor's kernel may have more. */
export function readKernelFeatures({ kernel }: Pick<HostFacts, "kernel">): KernelFeature[] {
  return kernelFeatures.map(({ name, since: [major, minor] }) => ({
    name,
    since: `${major}.${minor}`,
    present: kernelAtLeast(kernel, major, minor),
  }));
}

/** How layers are kept and stacked here. */
export interface StorageFacts {
  readonly root: string;
  /** Type of the file system that holds the root. */
  readonly backing: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Whether EROFS is there, and whether an image is mounted straight from its file. */
  readonly erofs: "file-backed" | "loop device" | "not available";
  readonly overlay: boolean;
}

export function readStorageFacts(root: string, facts: HostFacts): StorageFacts {
  const types = readText("/proc/filesystems").split(/\s+/);
  // Modules that are not loaded yet are not listed.
  const erofs = types.includes("erofs") || isModule("erofs", facts);
  const { bsize, blocks, bavail } = statfsSync(root);
  return {
    root,
    backing: mountOf(facts.mounts, root)?.type ?? "unknown",
    totalBytes: bsize * blocks,
    freeBytes: bsize * bavail,
    erofs: !erofs ? "not available" : kernelAtLeast(facts.kernel, 6, 12) ? "file-backed" : "loop device",
    overlay: types.includes("overlay") || isModule("overlay", facts),
  };
}

function isModule(name: string, { kernel }: HostFacts): boolean {
  return readText(`/lib/modules/${kernel.release}/modules.dep`).includes(`/${name}.ko`);
}

/** Security modules and limits that are in force. */
export function readSecurityOptions(): string[] {
  const modules = readText("/sys/kernel/security/lsm").split(",");
  const options: string[] = [];
  if (readText("/proc/sys/kernel/seccomp/actions_avail") !== "") options.push("seccomp");
  if (modules.includes("apparmor") || readText("/sys/module/apparmor/parameters/enabled").startsWith("Y")) {
    options.push("apparmor");
  }
  if (modules.includes("selinux") || readText("/sys/fs/selinux/enforce") !== "") options.push("selinux");
  if (modules.includes("landlock")) options.push("landlock");
  if (Number(readText("/proc/sys/user/max_user_namespaces")) > 0) options.push("user namespaces");
  return options;
}

/** Name of the distribution. */
export function readOperatingSystem(): string {
  return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(readText("/etc/os-release"))?.[1] ?? "Linux";
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return ""; // a kernel without this feature has no such file
  }
}
