import type { Attachment } from "./attach/index.ts";
import type { ContainerInspect } from "./inspect.ts";
import type { LogEntry, LogOptions } from "./log/index.ts";

/** How a container ended. */
export interface ExitStatus {
  /** Exit code, 128 + signal when a signal ended it; null when nobody was left to see it (the monitor was killed). */
  readonly exitCode: number | null;
  /** The signal's number, 0 for none. */
  readonly signal: number;
  /** True when the kernel killed it for want of memory. */
  readonly oomKilled: boolean;
  readonly finishedAt: Date | null;
}

/** What every container has, whatever its state. */
interface ContainerBase extends AsyncDisposable {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  inspect(): Promise<ContainerInspect>;
  remove(options?: RemoveOptions): Promise<void>;
}

/** A container whose process has not been started. */
export interface CreatedContainer extends ContainerBase {
  readonly state: "created";
  start(options?: CallOptions): Promise<RunningContainer>;
}

/** A container whose first process lives. Disposing of it kills and removes it. */
export interface RunningContainer extends ContainerBase {
  readonly state: "running";
  /** PID of its first process on the host. */
  readonly pid: number;
  stop(options?: StopOptions): Promise<ExitedContainer>;
  kill(signal?: string): Promise<void>;
  wait(options?: CallOptions): Promise<ExitStatus>;
  logs(options?: LogOptions): AsyncIterable<LogEntry>;
  attach(options?: CallOptions): Promise<Attachment>;
}

/** A container whose first process has ended. */
export interface ExitedContainer extends ContainerBase {
  readonly state: "exited";
  readonly exit: ExitStatus;
  start(options?: CallOptions): Promise<RunningContainer>;
  logs(options?: LogOptions): AsyncIterable<LogEntry>;
}

/** A container in one of its states; each offers only what makes sense then. */
export type Container = CreatedContainer | RunningContainer | ExitedContainer;

/** What every call takes. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface StopOptions extends CallOptions {
  /** Seconds until SIGKILL. Default: the container's stopTimeout; 0 kills at once. */
  readonly timeout?: number;
}

export interface RemoveOptions extends CallOptions {
  /** Kill it first when it runs. */
  readonly force?: boolean;
  /** Remove its anonymous volumes too. */
  readonly volumes?: boolean;
}
