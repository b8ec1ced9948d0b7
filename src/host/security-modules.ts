import { readFileSync } from "node:fs";

/** Which security modules of the kernel give processes labels. */
export interface SecurityModules {
  readonly apparmor: boolean;
  readonly selinux: boolean;
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

/** Asks the kernel: AppArmor has a module parameter, and selinuxfs is registered only where SELinux is enabled. */
export function readSecurityModules(): SecurityModules {
  return {
    apparmor: read("/sys/module/apparmor/parameters/enabled").startsWith("Y"),
    selinux: /\tselinuxfs$/m.test(read("/proc/filesystems")),
  };
}
