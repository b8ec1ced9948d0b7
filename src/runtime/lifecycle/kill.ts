import type { ProcessIdentity } from "../../host/index.ts";
import { CortenError } from "../../spec/index.ts";
import { containerProcesses, killAll, setFrozen } from "../cgroup/control.ts";
import type { Observed } from "./status.ts";

const SIGKILL = 9;

/** Sends a signal to exactly that process; false when it has ended. */
export type SignalProcess = (target: ProcessIdentity, signal: number) => Promise<boolean>;

/**
 * Sends a signal to a container's first process, or to all of its processes. Without a PID namespace of its own
 * SIGKILL goes to all, since the others would live on.
 *
 * @throws failed-precondition `container not running`
 */
export async function killContainer(
  { record, init, status }: Observed,
  signal: number,
  all: boolean,
  signalProcess: SignalProcess,
): Promise<void> {
  const namespaces = record.config.linux?.namespaces ?? [];
  const ownPids = namespaces.some(({ type, path = "" }) => type === "pid" && path === "");
  if (all || (signal === SIGKILL && !ownPids)) {
    const processes = containerProcesses(record.cgroups);
    if (signal === SIGKILL) await killAll(record.cgroups);
    else for (const pid of processes) send(pid, signal);
    if (init !== undefined) send(init.pid, signal);
    // Where the first one has ended, the others may live on: as long as there are any, there is something to kill.
    else if (!all && processes.length === 0)
      throw new CortenError("failed-precondition", "container not running");
    return;
  }
  if (init === undefined || !(await signalProcess(init, signal))) {
    throw new CortenError("failed-precondition", "container not running");
  }
  // A frozen process of cgroup v1 takes no signal, not even this one.
  if (signal === SIGKILL && status === "paused") await setFrozen(record.cgroups, false);
}

/** A process that was just read from the control group; one that has ended since needs no signal. */
function send(pid: number, signal: number): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
