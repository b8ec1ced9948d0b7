import type { HostFacts, ProcessIdentity } from "../../host/index.ts";
import type { RuntimeConfig } from "../../spec/index.ts";
import type { CgroupPlan } from "../cgroup/layout.ts";
import type { LaunchPlan } from "./operation.ts";
import type { ResctrlFacts } from "./rdt-schemata.ts";
import type { RootRecipe } from "./root-recipe.ts";
import type { IdMappers } from "./user-namespace.ts";

/** What becomes of the caller once the container's process is made. */
export type LaunchMode =
  /** Stop before the user's program; return when it waits for `start`. */
  | "create"
  /** Run the program and return. */
  | "detach"
  /** Run the program, supervise it to its end, clean up. */
  | "foreground";

/** Everything that a launch plan is compiled from. */
export interface LaunchInput {
  readonly id: string;
  readonly config: RuntimeConfig;
  readonly mode: LaunchMode;
  /** Absolute path of the bundle. */
  readonly bundle: string;
  readonly root: RootRecipe;
  readonly host: HostFacts;
  readonly cgroups: CgroupPlan;
  /** A process that keeps the control group alive until the container's own is in it, and is killed then. */
  readonly holder?: ProcessIdentity;
  /** Files of a control group that belong to whom it is delegated to. Default: those that every kernel has. */
  readonly delegatedFiles?: readonly string[];
  /** What the sources of bind mounts are, by absolute path; one that is not listed counts as a directory. */
  readonly sources: ReadonlyMap<string, "directory" | "file">;
  /** Targets of those sources with the option `copy-symlink` that are symlinks, by absolute path. */
  readonly links?: ReadonlyMap<string, string>;
  /** The container's state directory, absolute. */
  readonly stateDirectory: string;
  readonly failureFile: string;
  readonly onFailure: readonly string[];
  readonly consoleSocket?: string;
  readonly pidFile?: string;
  /** Unix socket that receives a pidfd of the container's process. */
  readonly pidfdSocket?: string;
  /** The service manager's socket (sd_notify(3)), which is told when the container says that it is ready. */
  readonly notifySocket?: string;
  readonly noPivot?: boolean;
  readonly noNewKeyring?: boolean;
  readonly preserveFds?: number;
  readonly cleanupPaths?: readonly string[];
  readonly exitFile?: string;
  /** Foreground: leave the state directory when the container ends. */
  readonly keep?: boolean;
  readonly noSubreaper?: boolean;
  /** Helpers that map ids for a user without privileges. */
  readonly idMappers?: IdMappers;
  /** The compiled filter of /linux/seccomp. */
  readonly seccomp?: SeccompFilter;
  /** The host's resctrl, for a configuration with /linux/intelRdt; absent: it has none mounted. */
  readonly resctrl?: ResctrlFacts;
}

/** A system call filter as the kernel takes it. */
export interface SeccompFilter {
  /** An array of sock_filter. */
  readonly program: Uint8Array;
  /** SECCOMP_FILTER_FLAG_*. */
  readonly flags: number;
  /** The agent that answers for calls which the filter leaves to it: its socket, and what it is told. */
  readonly listener?: { readonly path: string; readonly metadata: string };
}

/** A compiled plan, and what was left out of it on purpose. */
export interface CompiledLaunch {
  readonly plan: LaunchPlan;
  readonly warnings: readonly string[];
}

/** Names in a container's state directory. */
export const StateFile = {
  record: "state.json",
  config: "config.json",
  init: "init",
  creating: "creating",
  fifo: "exec.fifo",
  plan: "plan",
  /** Directory that the container has at {@link NOTIFY_DIRECTORY}. */
  notify: "notify",
} as const;

/** Where a container that tells of its readiness finds the socket for it, and its name there. */
export const NOTIFY_DIRECTORY = "/run/notify";
export const NOTIFY_NAME = "notify.sock";

/** Steps that the host's section and the container's section tell each other. */
export const Step = {
  /** host → container: the control groups are made and have their limits. */
  cgroupsMade: 1,
  /** container → host: namespaces and mounts are made; hooks of the host may run. */
  mounted: 2,
  /** host → container: those hooks have run. */
  hooksDone: 3,
  /** container → host: nothing but `start` is missing. */
  ready: 4,
  /** host → container: ids are mapped, control groups made. */
  mapped: 5,
  /** host → container: the container's network namespace has its devices. */
  devicesMoved: 6,
  /** host → container: the seccomp agent has the listener. */
  agentReady: 7,
  /** host → container: the container's process is in its groups of resctrl. */
  rdtJoined: 8,
} as const;
