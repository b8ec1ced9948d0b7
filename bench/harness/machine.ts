import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch, cpus, release, totalmem } from "node:os";

/** What the numbers depend on beside the programs. */
export function machineFacts(): Readonly<Record<string, string | number>> {
  const system = /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "unknown";
  const unified = readFileSync("/proc/self/mountinfo", "utf8").includes(" /sys/fs/cgroup rw") ? "v2" : "v1";
  return {
    architecture: arch(),
    cpu: cpus()[0]?.model ?? "unknown",
    cpus: cpus().length,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    system,
    cgroup: unified,
  };
}

const versionCommands: Readonly<Record<string, readonly string[]>> = {
  crun: ["crun", "--version"],
  runc: ["runc", "--version"],
  podman: ["podman", "--version"],
  docker: ["/usr/sbin/dockerd", "--version"],
  containerd: ["containerd", "--version"],
  skopeo: ["skopeo", "--version"],
  umoci: ["umoci", "--version"],
  registry: ["docker-registry", "--version"],
};

/** The first line of each peer's version; one that is not installed is left out. */
export function peerVersions(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(versionCommands).flatMap(([name, [program = "", ...args]]) => {
      const { status, stdout } = spawnSync(program, args, { encoding: "utf8" });
      return status === 0 ? [[name, stdout.split("\n")[0]!.trim()]] : [];
    }),
  );
}
