import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon } from "./daemon.ts";

/** A containerd with everything it owns below `directory`; `args` make ctr talk to it. */
export async function startContainerd(
  directory: string,
): Promise<Daemon & { readonly args: readonly string[] }> {
  mkdirSync(directory, { recursive: true });
  const socket = join(directory, "containerd.sock");
  const config = join(directory, "config.toml");
  writeFileSync(config, 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n');
  const args = ["--address", socket];
  const daemon = await startDaemon(
    "containerd",
    [
      ...["--config", config],
      ...["--root", join(directory, "root")],
      ...["--state", join(directory, "state")],
      ...args,
    ],
    join(directory, "containerd.log"),
    ["ctr", ...args, "version"],
  );
  return { ...daemon, args };
}
