import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon } from "./daemon.ts";

/** Debian's client; another may stand before it in PATH. */
export const docker = "/usr/bin/docker";

/** A dockerd with everything it owns below `directory`, without bridge and firewall rules. */
export async function startDocker(directory: string): Promise<Daemon & { readonly args: readonly string[] }> {
  mkdirSync(directory, { recursive: true });
  const socket = `unix://${join(directory, "docker.sock")}`;
  const args = ["--host", socket];
  const daemon = await startDaemon(
    "/usr/sbin/dockerd",
    [
      "--bridge=none",
      "--iptables=false",
      "--ip6tables=false",
      ...args,
      `--data-root=${join(directory, "data")}`,
      `--exec-root=${join(directory, "exec")}`,
      `--pidfile=${join(directory, "docker.pid")}`,
    ],
    join(directory, "dockerd.log"),
    [docker, ...args, "version"],
  );
  return { ...daemon, args };
}
