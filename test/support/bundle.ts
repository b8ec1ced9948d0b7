import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RuntimeMount } from "../../src/spec/index.ts";
import { makeBusyboxRootfs } from "./busybox.ts";

/** A config.json as plain data, for tests to bend. */
export type BundleConfig = {
  ociVersion: string;
  process: Record<string, unknown>;
  root: Record<string, unknown>;
  hostname?: string;
  mounts: RuntimeMount[];
  linux: Record<string, unknown>;
  [field: string]: unknown;
};

/** What `runc spec` writes, made to run `args` without a terminal; no limit is raised, so a CI host allows it. */
export function bundleConfig(args: readonly string[]): BundleConfig {
  const capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args,
      env: ["PATH=/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "corten",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      {
        destination: "/dev",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
      },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
      },
      {
        destination: "/dev/shm",
        type: "tmpfs",
        source: "shm",
        options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
      },
      {
        destination: "/dev/mqueue",
        type: "mqueue",
        source: "mqueue",
        options: ["nosuid", "noexec", "nodev"],
      },
      { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
    ],
    linux: {
      resources: { devices: [{ allow: false, access: "rwm" }] },
      namespaces: [{ type: "pid" }, { type: "network" }, { type: "ipc" }, { type: "uts" }, { type: "mount" }],
      maskedPaths: ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
  };
}

/**
 * Makes an OCI bundle with a busybox root in `directory` (created).
 *
 * @param change bends the configuration before it is written
 */
export function makeBundle(
  directory: string,
  args: readonly string[],
  change: (config: BundleConfig) => void = () => undefined,
): void {
  mkdirSync(directory, { recursive: true });
  makeBusyboxRootfs(join(directory, "rootfs"));
  const config = bundleConfig(args);
  change(config);
  writeFileSync(join(directory, "config.json"), JSON.stringify(config, null, 2));
}
