import type { RuntimeConfig, RuntimeStatus } from "../../spec/index.ts";
import type { CgroupDirectory } from "../cgroup/control.ts";
import type { RdtGroups } from "../plan/intel-rdt.ts";
import type { ScopeUnit } from "../systemd/scope.ts";

/** A container as `state` and `list` tell it: the specification's state and runc's additions. */
export interface ContainerInfo {
  readonly ociVersion: string;
  readonly id: string;
  /** 0 when it has stopped. */
  readonly pid: number;
  readonly status: RuntimeStatus;
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339, UTC. */
  readonly created: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Name of the user who made it. */
  readonly owner: string;
}

/** What state.json in a container's directory holds; written once, before the executor starts. */
export interface ContainerRecord {
  readonly version: 1;
  readonly ociVersion: string;
  readonly id: string;
  readonly bundle: string;
  readonly rootfs: string;
  readonly created: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly uid: number;
  /** "PID STARTTIME" of the process that makes the container: the executor keeps both across execve. */
  readonly maker: string;
  readonly cgroups: readonly CgroupDirectory[];
  readonly cleanupPaths: readonly string[];
  /** The service manager's socket, which `start` tells of the container's readiness. */
  readonly notifySocket?: string;
  /** The scope that systemd made for it. */
  readonly systemd?: ScopeUnit;
  /** The groups of resctrl that its processes are in. */
  readonly rdt?: RdtGroups;
  /**
   * Without a mount namespace: the container's mount over its root directory, as the number of mounts that were there
   * before.
   */
  readonly rootMounts?: number;
  readonly config: RuntimeConfig;
}
