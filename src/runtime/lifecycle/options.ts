import type { ProcessIdentity } from "../../host/index.ts";
import type { RuntimeConfig } from "../../spec/index.ts";
import type { SeccompFilter } from "../plan/launch-input.ts";
import type { RootRecipe } from "../plan/root-recipe.ts";
import type { Scope } from "./scope.ts";

/** What is common to making a container with `create` and with `run`. */
export interface CreateOptions {
  /** `[A-Za-z0-9_+.-]+`, not beginning with a dot; at most 255 characters. */
  readonly id: string;
  /** The bundle's directory. Default: the working directory. */
  readonly bundle?: string;
  /** The configuration. Default: read from `config.json` in the bundle. */
  readonly config?: RuntimeConfig;
  /** The compiled filter of `linux.seccomp`, for callers that have it ready. Default: the profile is compiled. */
  readonly filter?: SeccompFilter;
  /** The root file system. Default: the directory that `root.path` of the configuration names. */
  readonly root?: RootRecipe;
  /** Unix socket that receives the pty master. Demanded where `process.terminal` is true and nobody supervises. */
  readonly consoleSocket?: string;
  /** File that receives the PID of the container's first process. */
  readonly pidFile?: string;
  /** Unix socket that receives a pidfd of that process. */
  readonly pidfdSocket?: string;
  /** The configuration's file. Default: `config.json` in the bundle. */
  readonly configFile?: string;
  /** Sockets that the caller was activated with; the process finds them by sd_listen_fds(3). */
  readonly listenFds?: ListenFds;
  /** The service manager's socket (sd_notify(3)), told when the container says that it is ready. */
  readonly notifySocket?: string;
  /** The process that is to become the executor. Default: this one. */
  readonly maker?: ProcessIdentity;
  /** `disabled`: no control groups are made, and limits are an error. Default: cgroupfs. */
  readonly cgroupManager?: "cgroupfs" | "disabled";
  /** Leave control groups out that may not be written, with a warning. Default: unless root of the machine runs it. */
  readonly rootless?: boolean;
  /** MS_MOVE and chroot instead of pivot_root, for a root on an initramfs. */
  readonly noPivot?: boolean;
  /** Stay in the caller's session keyring. */
  readonly noNewKeyring?: boolean;
  /** Descriptors of the executor from 3 on, behind those of `listenFds`, that the process inherits. Default: 0. */
  readonly preserveFds?: number;
  /** Trees removed together with the container, e.g. an overlay's upper directory. */
  readonly cleanupPaths?: readonly string[];
  /** The scope of systemd that the container goes to, from `Runtime.makeScope`. Default: groups are made in cgroupfs. */
  readonly scope?: Scope;
}

/** Descriptors from 3 on that a service manager has opened (sd_listen_fds(3)). */
export interface ListenFds {
  readonly count: number;
  /** LISTEN_FDNAMES as it was given. */
  readonly names?: string;
}

export interface RunOptions extends CreateOptions {
  /** Return once the process runs. Default: supervise it until it ends, then remove the container. */
  readonly detach?: boolean;
  /** Keep the stopped container's state after a foreground run. */
  readonly keep?: boolean;
  /** Do not become the reaper of orphans. */
  readonly noSubreaper?: boolean;
  /** Where the exit is recorded: "CODE SIGNAL OOMKILLED SECONDS.NANOS\n". */
  readonly exitFile?: string;
}

/** One more process in a running container; what is absent comes from `process` of its config.json. */
export interface ExecOptions {
  /** The compiled filter of the container's `linux.seccomp`, for callers that have it ready, as {@link CreateOptions}. */
  readonly filter?: SeccompFilter;
  readonly args?: readonly string[];
  /** A whole process object (`--process FILE`), read by `parseProcess`; excludes the single settings below. */
  readonly process?: import("../../spec/index.ts").RuntimeProcess;
  readonly cwd?: string;
  /** Added to the container's environment, `NAME=value`. */
  readonly env?: readonly string[];
  readonly terminal?: boolean;
  readonly user?: { readonly uid: number; readonly gid?: number };
  readonly additionalGids?: readonly number[];
  /** Added to each set but ambient. */
  readonly capabilities?: readonly string[];
  readonly noNewPrivileges?: boolean;
  readonly consoleSocket?: string;
  readonly pidFile?: string;
  readonly pidfdSocket?: string;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  readonly detach?: boolean;
  readonly preserveFds?: number;
  /** Run in a paused container, too: the process waits until it is resumed. */
  readonly ignorePaused?: boolean;
  /**
   * Child groups of the container's control groups, relative: `SUB` for all, `CONTROLLER[,CONTROLLER...]:SUB` for
   * those of v1 hierarchies.
   */
  readonly cgroups?: readonly string[];
}
