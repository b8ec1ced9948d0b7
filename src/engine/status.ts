import type { ExitStatus } from "./container.ts";

/** Docker's words. `exited` includes a container that ended unseen. */
export type ContainerState = "creating" | "created" | "running" | "exited";

/** What can be seen of a container at one moment: nothing of it is a stored status. */
export interface ContainerFacts {
  /** False until every file of the container is in place. */
  readonly complete: boolean;
  /** True while the process that makes it, or runs it in the foreground, lives. */
  readonly ownerAlive: boolean;
  /** PID of its first process, while that lives. */
  readonly pid: number | null;
  /** True while its monitor lives: a run begins or ends, and how is about to be recorded. */
  readonly monitored: boolean;
  /** True when a start was recorded, whatever became of it. */
  readonly started: boolean;
  /** How the latest run ended, as its parent recorded it. */
  readonly exit: ExitStatus | null;
}

/** A container's state, worked out from what can be seen now. */
export type DerivedStatus =
  | { readonly state: "creating" }
  /** Its maker is dead and it was not finished, or it ran in the foreground of one that is: to be removed. */
  | { readonly state: "abandoned" }
  | { readonly state: "created" }
  /** `pid` is 0 in the moments when it is about to run, or has ended and its exit is being recorded. */
  | { readonly state: "running"; readonly pid: number }
  | { readonly state: "exited"; readonly exit: ExitStatus };

const UNSEEN: ExitStatus = { exitCode: null, signal: 0, oomKilled: false, finishedAt: null };

/**
 * Derives the state. A living first process wins over everything; then an exit record, which is removed before each
 * start; then the monitor, which will write one. A start that left neither ended unseen: a power cut, or SIGKILL
 * of the monitor.
 */
export function deriveStatus(facts: ContainerFacts): DerivedStatus {
  if (facts.pid !== null) return { state: "running", pid: facts.pid };
  if (!facts.complete) return { state: facts.ownerAlive ? "creating" : "abandoned" };
  if (facts.exit !== null) return { state: "exited", exit: facts.exit };
  if (facts.monitored) return { state: "running", pid: 0 };
  if (facts.started) return { state: "exited", exit: UNSEEN };
  return { state: "created" };
}
