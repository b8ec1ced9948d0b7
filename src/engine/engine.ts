import type { Store } from "../content/index.ts";
import type { CollectedSnapshots, Snapshots } from "../snapshot/index.ts";
import type { Digest } from "../spec/index.ts";
import type { Attachment } from "./attach/index.ts";
import type { CheckFinding, CheckOptions } from "./check/finding.ts";
import type {
  CallOptions,
  Container,
  CreatedContainer,
  ExitedContainer,
  ExitStatus,
  RemoveOptions,
  RunningContainer,
  StopOptions,
} from "./container.ts";
import type { ContainerOptions, ExecOptions } from "./container-options.ts";
import type { ContainerInspect, ContainerSummary } from "./inspect.ts";
import type { LogEntry, LogOptions } from "./log/index.ts";
import type { Pruned, PruneOptions } from "./prune/prune.ts";
import type { DiskUsage } from "./usage/disk-usage.ts";

/**
 * A program that the calling process becomes with `process.execve(path, args, env)`: `args[0]` is
 * the program's name. Nothing of the caller stays; the program's exit code is the container's.
 */
export interface ProcessImage {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** `null`: the caller opens /dev/null as descriptor 0 first, since the container's stdin was not asked for. */
  readonly stdin: "inherit" | "null";
}

export interface EngineOptions {
  /** Data that outlives a boot. Default: /var/lib/corten. */
  readonly root?: string;
  /** Data that does not. Default: /run/corten. */
  readonly runRoot?: string;
  /**
   * Mount each layer once for all containers, so that a hundred containers of one image cost the page cache of one.
   * Takes root, and leaves one bind mount, `<runRoot>/layers/namespace`, until the last container is removed or
   * {@link Engine.releaseLayers} is called. Default: true with the default run root, else false.
   */
  readonly shareLayers?: boolean;
  /**
   * The command (argv, first an absolute path) that removes a container which ended, called with its ID as one more
   * argument by the monitor of an `autoRemove` container. It calls {@link Engine.removeEnded}. Without it
   * such a container is removed by the next engine that looks.
   */
  readonly removeCommand?: readonly string[];
  /**
   * The command that a {@link ProcessImage} becomes when the container or command could not be started, called with
   * the failure's file as one more argument: it prints what the runtime room's `readFailure` reads, and exits with 125, 126
   * or 127. Default: a silent exit with 125.
   */
  readonly failureCommand?: readonly string[];
}

export interface ListOptions {
  /** Those that do not run, too. Default: false. */
  readonly all?: boolean;
}

/** Which end of the terminal or pipes an attached caller keeps. */
export interface AttachOptions {
  /** Forward stdin. Default: what the container was made with (`interactive`). */
  readonly stdin?: boolean;
}

/**
 * Containers as docker's and podman's users know them, without a daemon. `reference` is a name, an
 * ID, or the beginning of one that no other has.
 *
 * @throws not-found for an unknown reference; invalid-argument for an ambiguous one
 */
export interface Engine extends AsyncDisposable {
  readonly root: string;
  readonly runRoot: string;
  /** The images; shares the engine's database connection. */
  readonly store: Store;
  /** The unpacked layers: `snapshots.consumer()` is for `pull`. */
  readonly snapshots: Snapshots;
  /** What it cannot do for want of rights, each a sentence for people; empty for the machine's root. */
  readonly limitations: readonly string[];
  /** How images become roots: layers mounted as EROFS images, or whole trees in directories. */
  readonly storageDriver: "erofs" | "directories";

  /** Makes a container without starting it; its image is in the store. @throws not-found when it is not */
  create(options: ContainerOptions, call?: CallOptions): Promise<CreatedContainer>;
  /** Makes and starts a container under corten-monitor. Its life does not depend on this process. */
  run(options: ContainerOptions, call?: CallOptions): Promise<RunningContainer>;
  /**
   * Makes a container and prepares what the calling process becomes to run it in the foreground, with the
   * caller's own stdin, stdout and stderr.
   */
  prepareRun(options: ContainerOptions, call?: CallOptions): Promise<ProcessImage>;

  start(reference: string, call?: CallOptions): Promise<RunningContainer>;
  /** Starts a container and prepares what the calling process becomes to be attached from its first byte. */
  prepareStart(reference: string, options?: AttachOptions): Promise<ProcessImage>;
  /** Prepares what the calling process becomes to run a command in the container. */
  prepareExec(reference: string, options: ExecOptions): Promise<ProcessImage>;
  /** Runs a command in the container in the background (`exec -d`); resolves once it runs. */
  exec(reference: string, options: ExecOptions, call?: CallOptions): Promise<void>;
  /** The stop signal, then SIGKILL after the grace period. A container that does not run is left as it is. */
  stop(reference: string, options?: StopOptions): Promise<ExitStatus>;
  /** Sends a signal, by name or number. Default: SIGKILL. @throws failed-precondition when it does not run */
  kill(reference: string, signal?: string): Promise<void>;
  remove(reference: string, options?: RemoveOptions): Promise<void>;
  /** Waits until the container has ended. */
  wait(reference: string, call?: CallOptions): Promise<ExitStatus>;

  list(options?: ListOptions): Promise<readonly ContainerSummary[]>;
  inspect(reference: string): Promise<ContainerInspect>;
  logs(reference: string, options?: LogOptions): AsyncIterable<LogEntry>;
  /** Streams to and from a running container, for programs. */
  attach(reference: string, call?: CallOptions): Promise<Attachment>;
  /** Prepares what the calling process becomes to be attached (`corten attach`). */
  prepareAttach(reference: string, options?: AttachOptions): Promise<ProcessImage>;
  /** The container behind a name, an ID or the beginning of an ID. */
  findContainer(reference: string): Promise<Container>;

  /** The containers made from an image, for `removeImage`'s `usedBy`. */
  containersOf(
    imageID: Digest,
  ): Promise<readonly { readonly container: string; readonly running: boolean }[]>;
  /** What everything takes on disk. Reads much: it is for people who ask. */
  usage(): Promise<DiskUsage>;
  /** Looks at everything that is stored, and mends what can be. Yields each problem when it is found. */
  check(options?: CheckOptions): AsyncGenerator<CheckFinding>;
  /** Removes what nothing uses. */
  prune(options: PruneOptions): Promise<Pruned>;
  /** Removes the unpacked layers that neither an image nor a container uses; called after images were removed. */
  collectSnapshots(): Promise<CollectedSnapshots>;

  /**
   * Lets go of the layers that are mounted for all containers, and of the file system that they lie on. Containers that
   * run keep theirs; the next start mounts them anew.
   */
  releaseLayers(): Promise<void>;

  /** Removes what dead processes left: ended `autoRemove` containers, half-made ones, their cgroups and files. */
  repair(): Promise<void>;
  /** What {@link EngineOptions.removeCommand} does: removes an ended `autoRemove` container. */
  removeEnded(id: string): Promise<void>;
}

export type { CallOptions, Container, CreatedContainer, ExitedContainer, ExitStatus, RunningContainer };
