import { posix } from "node:path";
import type { ProcessIdentity } from "../../host/index.ts";
import type { RuntimeConfig } from "../../spec/index.ts";
import { Registers, SectionBuilder } from "./builder.ts";
import { type LaunchInput, NOTIFY_DIRECTORY, NOTIFY_NAME, StateFile } from "./launch-input.ts";
import { type LaunchPlan, PLAN_VERSION, type Register } from "./operation.ts";

/**
 * The configuration of a container that may tell its service manager that it is ready (sd_notify(3)). It never reaches
 * the manager's own socket, over which it could say more than that: it has one in a directory of its own, and Corten
 * passes on READY=1 alone.
 */
export function withNotification(config: RuntimeConfig, stateDirectory: string): RuntimeConfig {
  const env = (config.process?.env ?? []).filter((entry) => !entry.startsWith("NOTIFY_SOCKET="));
  return {
    ...config,
    process: {
      ...config.process!,
      env: [...env, `NOTIFY_SOCKET=${NOTIFY_DIRECTORY}/${NOTIFY_NAME}`],
    },
    mounts: [
      ...(config.mounts ?? []),
      {
        destination: NOTIFY_DIRECTORY,
        type: "bind",
        source: posix.join(stateDirectory, StateFile.notify),
        options: ["bind", "nosuid", "noexec", "nodev", "ro"],
      },
    ],
  };
}

/** Makes the directory that is mounted, and the socket where this process also waits at it. */
export function makeNotification(h: SectionBuilder, input: LaunchInput): Register | undefined {
  if (input.notifySocket === undefined) return undefined;
  const directory = posix.join(input.stateDirectory, StateFile.notify);
  h.add("makeDirectory", { dir: null, path: directory, mode: 0o755 });
  // What `create` leaves has no end yet at which `start` could wait.
  return input.mode === "create" ? undefined : listen(h, directory);
}

function listen(h: SectionBuilder, directory: string): Register {
  const path = posix.join(directory, NOTIFY_NAME);
  const socket = h.take(path);
  h.add("listenDatagram", { out: socket, path });
  return socket;
}

/** The plan that waits for a created container's word, and passes it on. */
export function compileNotification(
  target: ProcessIdentity,
  { stateDirectory, notifySocket }: { readonly stateDirectory: string; readonly notifySocket: string },
  files: Pick<LaunchPlan, "failureFile" | "onFailure">,
): LaunchPlan {
  const registers = new Registers();
  const h = new SectionBuilder("host", registers);
  const process = h.take(`process ${target.pid}`);
  h.add("openProcess", { out: process, pid: target.pid, startTime: target.startTime });
  const directory = posix.join(stateDirectory, StateFile.notify);
  // An earlier attempt may have been killed.
  h.add("remove", { dir: null, path: posix.join(directory, NOTIFY_NAME) });
  const socket = listen(h, directory);
  h.add("forwardReady", { socket, process, target: notifySocket, pid: target.pid, background: 0 });
  h.add("finish", { code: 0 });
  return {
    version: PLAN_VERSION,
    registers: registers.labels,
    sections: { host: h.operations, container: [], cleanup: [] },
    ...files,
  };
}
