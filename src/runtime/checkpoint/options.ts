import type { RuntimeConfig } from "../../spec/index.ts";
import type { CgroupPlan } from "../cgroup/layout.ts";
import type { Scope } from "../lifecycle/scope.ts";

/** How criu treats control groups; `ignore` leaves them alone. */
export type CgroupsMode = "soft" | "full" | "strict" | "ignore";

/** What checkpoint and restore have in common. */
export interface ImageOptions {
  /** Directory of the images. */
  readonly imagePath: string;
  /** Directory of criu's log. Default: the images'. */
  readonly workPath?: string;
  readonly tcpEstablished?: boolean;
  readonly externalUnixSockets?: boolean;
  readonly shellJob?: boolean;
  readonly fileLocks?: boolean;
  readonly lazyPages?: boolean;
  readonly autoDedup?: boolean;
  /** Default: soft. */
  readonly cgroupsMode?: CgroupsMode;
  /** Namespaces whose contents are left out: `network`. */
  readonly emptyNamespaces?: readonly string[];
}

export interface CheckpointOptions extends ImageOptions {
  /** Images of an earlier pre-dump, relative to `imagePath`. */
  readonly parentPath?: string;
  readonly leaveRunning?: boolean;
  readonly tcpSkipInFlight?: boolean;
  readonly linkRemap?: boolean;
  /** Memory only; the container runs on. */
  readonly preDump?: boolean;
  /** `ADDRESS:PORT` of a page server, which takes the memory. */
  readonly pageServer?: string;
  /** Descriptor that criu writes a NUL to once it serves pages (`lazyPages`). */
  readonly statusFd?: number;
}

export interface RestoreOptions extends ImageOptions {
  readonly id: string;
  readonly bundle?: string;
  readonly pidFile?: string;
  /** Socket that receives the master of the container's terminal. */
  readonly consoleSocket?: string;
  /** Return once the container runs. Default: watch over it until it ends, then remove it. */
  readonly detach?: boolean;
  /** Do not become the reaper of orphans. */
  readonly noSubreaper?: boolean;
  /** The scope of systemd that the container goes to, from `Runtime.makeScope`. Default: groups are made in cgroupfs. */
  readonly scope?: Scope;
  /** `TYPE:NAME` */
  readonly lsmProfile?: string;
  readonly lsmMountContext?: string;
}

/** What criu has to know of a container. */
export interface CriuSubject {
  readonly rootfs: string;
  readonly config: RuntimeConfig;
  readonly cgroups: CgroupPlan;
  /** The group in which criu stops all processes at once, those that are stopped already too. */
  readonly freezer?: string;
  /** What the standard streams lead to, see `describeStreams`. */
  readonly streams?: readonly string[];
}
