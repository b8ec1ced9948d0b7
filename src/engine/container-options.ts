import type { DockerProfile } from "./spec/seccomp/docker-profile.ts";

/** A directory of the host used as the root file system. */
export interface RootDirectory {
  /** Absolute path of the directory. */
  readonly path: string;
  /** True: a throw-away overlay lies on top, so that nothing the container writes stays (`DIR:O`). */
  readonly overlay: boolean;
}

/** A bind mount of a host path, or of a named volume, into the container. */
export interface VolumeOptions {
  /** An absolute host path, or the name of a volume (`[a-zA-Z0-9][a-zA-Z0-9_.-]*`); absent: an anonymous volume. */
  readonly source?: string;
  /** Absolute path inside the container. */
  readonly destination: string;
  readonly readOnly: boolean;
}

/** A tmpfs inside the container. */
export interface TmpfsOptions {
  readonly destination: string;
  /** Mount options such as `size=64m`, `mode=1777`, `ro`, `exec`; `nosuid,nodev,noexec` are on unless turned off. */
  readonly options: readonly string[];
}

/** A device node of the host that the container may use. */
export interface DeviceOptions {
  /** Absolute path on the host. */
  readonly source: string;
  /** Absolute path in the container. */
  readonly destination: string;
  /** A subset of `rwm`. */
  readonly access: string;
}

/** Rows and columns of a terminal. */
export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/**
 * What a container is made of. Exactly one of `image` and `rootfs` is given. Whatever is absent
 * comes from the image's configuration, and where that is silent from docker's defaults.
 */
export interface ContainerOptions {
  /** Image reference as users type it. The image is in the store: fetching it is the caller's. */
  readonly image?: string;
  /** Says so in words: the engine never fetches an image. */
  readonly pull?: "never";
  readonly rootfs?: RootDirectory;
  /** Arguments; replace the image's Cmd. */
  readonly command?: readonly string[];
  /** Replaces the image's Entrypoint and drops its Cmd; empty: no entrypoint. */
  readonly entrypoint?: readonly string[];
  /** Default: a generated adjective_noun. */
  readonly name?: string;
  /** Default: the first twelve digits of the ID; with the host's network, the host's name. */
  readonly hostname?: string;
  /** `NAME=value`; later ones win, and all win over the image's. */
  readonly env?: readonly string[];
  /** Absolute path, or relative to the image's WorkingDir; made when missing. */
  readonly workingDirectory?: string;
  /** `USER[:GROUP]`, each a name of the image's own files or a number. */
  readonly user?: string;
  /** Keep stdin open. Default: stdin is /dev/null. */
  readonly interactive?: boolean;
  /** Give the container a terminal. */
  readonly terminal?: boolean;
  readonly terminalSize?: TerminalSize;
  /** Remove the container and its anonymous volumes when it ends. */
  readonly autoRemove?: boolean;
  /** Mount the root file system read-only. */
  readonly readOnly?: boolean;
  readonly tmpfs?: readonly TmpfsOptions[];
  readonly volumes?: readonly VolumeOptions[];
  readonly devices?: readonly DeviceOptions[];
  /** Capability names with or without `CAP_`, or `ALL`. */
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  /** All capabilities and devices, nothing masked, every system call. */
  readonly privileged?: boolean;
  readonly noNewPrivileges?: boolean;
  /**
   * Which system calls may be made: a profile as `linux.seccomp` of config.json, or one of Docker's format, whose
   * conditions are decided here. Default: the engine's own profile; none where `privileged`.
   */
  readonly seccomp?: "unconfined" | DockerProfile;
  /** Memory limit in bytes. */
  readonly memory?: number;
  /** CPUs, such as 1.5. */
  readonly cpus?: number;
  /** Largest number of processes; -1 or 0: no limit. */
  readonly pidsLimit?: number;
  /** `none` (default: a private network with a loopback interface) or `host`. */
  readonly network?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Name or number. Default: the image's StopSignal, else SIGTERM. */
  readonly stopSignal?: string;
  /** Seconds that {@link Engine.stop} waits before it kills. Default: 10. */
  readonly stopTimeout?: number;
}

/** What {@link Engine.exec} runs in a running container. */
export interface ExecOptions {
  readonly command: readonly string[];
  readonly env?: readonly string[];
  readonly workingDirectory?: string;
  readonly user?: string;
  readonly interactive?: boolean;
  readonly terminal?: boolean;
  readonly terminalSize?: TerminalSize;
  readonly privileged?: boolean;
}
