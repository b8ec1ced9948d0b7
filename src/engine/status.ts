import type { ExitStatus } from "./container.ts";

/** Docker's words. `exited` includes a container that ended unseen. */
export type ContainerState = "creating" | "created" | "running" | "exited";

/** What can be seen of a container: nothing of it is a stored status. */
export interface ContainerFacts {
  /** False until every file of the container is in place. */
  readonly complete: boolean;
  /** True while the process that makes it, or runs it in the foreground, lives. */
  readonly ownerAlive: boolean;
  /** The first process as the executor recorded it at the latest start; null before any start and after a reboot. */
  readonly process: { readonly pid: number; readonly alive: boolean } | null;
  /** True when a start was recorded, whatever became of it. */
  readonly started: boolean;
  /** How the latest run ended, as its parent recorded it. */
  readonly exit: ExitStatus | null;
}

/** A container's state, worked out from what can be seen now. */
export type DerivedStatus =
  | { readonly state: "creating" }
  /** Its maker died half-way: it is to be undone. */
  | { readonly state: "abandoned" }
  | { readonly state: "created" }
  | { readonly state: "running"; readonly pid: number }
  | { readonly state: "exited"; readonly exit: ExitStatus };

const UNSEEN: ExitStatus = { exitCode: null, signal: 0, oomKilled: false, finishedAt: null };

/**
 * Derives the state. A living first process wins over everything; an exit record wins over a missing
 * process; a start whose process is gone without a record ended unseen (power cut, killed monitor).
 */
export function deriveStatus(facts: ContainerFacts): DerivedStatus {
  if (facts.process?.alive) return { state: "running", pid: facts.process.pid };
  if (!facts.complete) return { state: facts.ownerAlive ? "creating" : "abandoned" };
  if (facts.exit !== null) return { state: "exited", exit: facts.exit };
  if (facts.started || facts.process !== null) return { state: "exited", exit: UNSEEN };
  return { state: "created" };
}
