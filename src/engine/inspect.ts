import type { ContainerState } from "./status.ts";

/** One row of `corten ps`. */
export interface ContainerSummary {
  readonly id: string;
  readonly name: string;
  /** The image as it was asked for; the path for a root directory. */
  readonly image: string;
  /** The image's configuration digest; empty for a root directory. */
  readonly imageID: string;
  /** The argument vector. */
  readonly command: readonly string[];
  readonly state: ContainerState;
  /** What docker prints: `Up 5 minutes`, `Exited (0) 2 hours ago`, `Created`. */
  readonly status: string;
  readonly createdAt: Date;
  readonly labels: Readonly<Record<string, string>>;
  readonly network: string;
}

/** `corten inspect`: the parts of docker's JSON that apply, with docker's names. */
export interface ContainerInspect {
  readonly Id: string;
  readonly Created: string;
  readonly Path: string;
  readonly Args: readonly string[];
  readonly State: {
    readonly Status: ContainerState;
    readonly Running: boolean;
    readonly Paused: boolean;
    readonly OOMKilled: boolean;
    readonly Dead: boolean;
    readonly Pid: number;
    /** null when it ended unseen. */
    readonly ExitCode: number | null;
    readonly StartedAt: string;
    readonly FinishedAt: string;
  };
  readonly Image: string;
  readonly Name: string;
  readonly LogPath: string;
  readonly HostConfig: {
    readonly AutoRemove: boolean;
    readonly NetworkMode: string;
    readonly ReadonlyRootfs: boolean;
    readonly Privileged: boolean;
    readonly CapAdd: readonly string[];
    readonly CapDrop: readonly string[];
    readonly Memory: number;
    readonly NanoCpus: number;
    readonly PidsLimit: number;
    readonly Binds: readonly string[];
    readonly Tmpfs: Readonly<Record<string, string>>;
    readonly LogConfig: { readonly Type: string };
  };
  readonly Mounts: readonly {
    readonly Type: "bind" | "volume" | "tmpfs";
    readonly Name?: string;
    readonly Source: string;
    readonly Destination: string;
    readonly RW: boolean;
  }[];
  readonly Config: {
    readonly Hostname: string;
    readonly User: string;
    readonly Tty: boolean;
    readonly OpenStdin: boolean;
    readonly Env: readonly string[];
    readonly Cmd: readonly string[];
    readonly Entrypoint: readonly string[] | null;
    readonly Image: string;
    readonly WorkingDir: string;
    readonly Labels: Readonly<Record<string, string>>;
    readonly StopSignal: string;
    readonly StopTimeout: number;
  };
}
