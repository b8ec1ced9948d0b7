import { writeFileSync } from "node:fs";
import type { CollectedSnapshots } from "../snapshot/index.ts";
import { CortenError, type Digest } from "../spec/index.ts";
import type { Attachment } from "./attach/index.ts";
import type { CheckFinding, CheckOptions } from "./check/finding.ts";
import type {
  CallOptions,
  Container,
  CreatedContainer,
  ExitStatus,
  RemoveOptions,
  RunningContainer,
  StopOptions,
} from "./container.ts";
import type { ContainerOptions, ExecOptions } from "./container-options.ts";
import { EngineContext } from "./context.ts";
import { type MadeContainer, makeContainer } from "./creation.ts";
import { destroyContainer, killContainer, removeContainer, stopContainer, waitForExit } from "./ending.ts";
import type { AttachOptions, Engine, EngineOptions, ListOptions, ProcessImage } from "./engine.ts";
import { containerHandle, createdHandle, runningHandle } from "./handles.ts";
import type { ContainerInspect, ContainerSummary } from "./inspect.ts";
import type { LogEntry, LogOptions } from "./log/index.ts";
import { attachClient } from "./monitor.ts";
import type { Pruned, PruneOptions } from "./prune/prune.ts";
import { removeIfOver, repairContainers } from "./repair.ts";
import { releaseRemovedLayers, releaseSharedLayers, releaseUnusedLayers } from "./shared-layers.ts";
import { runInForeground, startAttached, startContainer } from "./starting.ts";
import type { StoredContainer } from "./stored-container.ts";
import type { DiskUsage } from "./usage/disk-usage.ts";

/**
 * Opens the engine on its directories, which are made where they are missing. Takes about a millisecond; nothing
 * is repaired and nothing else is read before it is asked for.
 *
 * @throws permission-denied when the directories are not the caller's own
 */
export function openEngine(options: EngineOptions = {}): Engine {
  return new LocalEngine(new EngineContext(options));
}

class LocalEngine implements Engine {
  readonly #context: EngineContext;

  constructor(context: EngineContext) {
    this.#context = context;
  }

  get root(): string {
    return this.#context.root;
  }
  get runRoot(): string {
    return this.#context.runRoot;
  }
  get store(): Engine["store"] {
    return this.#context.store;
  }
  get snapshots(): Engine["snapshots"] {
    return this.#context.snapshots;
  }

  get limitations(): readonly string[] {
    return this.#context.rootless?.lacks ?? [];
  }

  get storageDriver(): Engine["storageDriver"] {
    return this.#context.rootless === undefined ? "erofs" : "directories";
  }

  async create(options: ContainerOptions, call: CallOptions = {}): Promise<CreatedContainer> {
    const { container } = await this.#makeLasting(options, call);
    return createdHandle(this, container);
  }

  async run(options: ContainerOptions, call: CallOptions = {}): Promise<RunningContainer> {
    const { container } = await this.#makeLasting(options, call);
    try {
      await startContainer(this.#context, container, call);
    } catch (error) {
      // Docker keeps such a container for people to look at; one of `--rm` goes.
      if (container.autoRemove) await destroyContainer(this.#context, container, true);
      throw error;
    }
    return this.#running(container);
  }

  async prepareRun(options: ContainerOptions, call: CallOptions = {}): Promise<ProcessImage> {
    if (options.autoRemove === true) {
      const made = await this.#make(options, { ...call, fleeting: options.name === undefined });
      return this.#undoingOnError(made, () => runInForeground(this.#context, made));
    }
    const { container } = await this.#makeLasting(options, call);
    return this.prepareStart(container.id, {});
  }

  async start(reference: string, call: CallOptions = {}): Promise<RunningContainer> {
    const container = this.#context.find(reference);
    await startContainer(this.#context, container, call);
    return this.#running(container);
  }

  async prepareStart(reference: string, options: AttachOptions = {}): Promise<ProcessImage> {
    const container = this.#context.find(reference);
    const { failureFile } = await startContainer(this.#context, container, { hold: true });
    return startAttached(this.#context, container, failureFile, stdinOf(container, options));
  }

  async prepareExec(reference: string, options: ExecOptions): Promise<ProcessImage> {
    const { prepareExecution } = await import("./executing.ts");
    return prepareExecution(this.#context, this.#context.find(reference), options);
  }

  async exec(reference: string, options: ExecOptions, call: CallOptions = {}): Promise<void> {
    const { executeDetached } = await import("./executing.ts");
    return executeDetached(this.#context, this.#context.find(reference), options, call);
  }

  async stop(reference: string, options: StopOptions = {}): Promise<ExitStatus> {
    return stopContainer(this.#context, this.#context.find(reference), options);
  }

  async kill(reference: string, signal = "SIGKILL"): Promise<void> {
    await killContainer(this.#context, this.#context.find(reference), signal);
  }

  async remove(reference: string, options: RemoveOptions = {}): Promise<void> {
    await repairContainers(this.#context);
    await removeContainer(this.#context, this.#context.find(reference), options);
    await releaseUnusedLayers(this.#context);
  }

  async wait(reference: string, call: CallOptions = {}): Promise<ExitStatus> {
    const { id, started, name } = this.#context.find(reference);
    if (started === null && this.#context.status(this.#context.find(id)).state === "created") {
      throw new CortenError("failed-precondition", `container ${name} was not started`);
    }
    return (await waitForExit(this.#context, id, call))!;
  }

  async list({ all = false }: ListOptions = {}): Promise<readonly ContainerSummary[]> {
    await repairContainers(this.#context);
    const { summarise } = await import("./listing.ts");
    const now = Date.now();
    return this.#context.containers
      .list()
      .map((container) => ({ container, status: this.#context.status(container) }))
      .filter(({ status }) => status.state !== "abandoned" && (all || status.state === "running"))
      .map(({ container, status }) => summarise(container, status, now));
  }

  async inspect(reference: string): Promise<ContainerInspect> {
    const { describe } = await import("./listing.ts");
    const container = this.#context.find(reference);
    return describe(this.#context, container, this.#context.status(container));
  }

  async *logs(reference: string, options: LogOptions = {}): AsyncGenerator<LogEntry> {
    const { readLog } = await import("./log/index.ts");
    const { id } = this.#context.find(reference);
    const isLive = () => {
      const container = this.#context.containers.get(id);
      return container !== undefined && this.#context.status(container).state === "running";
    };
    yield* readLog({ file: this.#context.files(id).log, isLive }, options);
  }

  async attach(reference: string, { signal }: CallOptions = {}): Promise<Attachment> {
    const { connectAttachment } = await import("./attach/index.ts");
    const container = this.#runningOnly(reference);
    const { runDirectory } = this.#context.files(container.id);
    return connectAttachment(runDirectory, signal === undefined ? {} : { signal });
  }

  async prepareAttach(reference: string, options: AttachOptions = {}): Promise<ProcessImage> {
    const container = this.#runningOnly(reference);
    const { terminal = false } = container.details.options;
    return attachClient(this.#context.files(container.id), {
      stdin: stdinOf(container, options),
      terminal,
      onFailure: [],
    });
  }

  async findContainer(reference: string): Promise<Container> {
    const container = this.#context.find(reference);
    return containerHandle(this, container, this.#context.status(container));
  }

  async containersOf(
    imageID: Digest,
  ): Promise<readonly { readonly container: string; readonly running: boolean }[]> {
    await repairContainers(this.#context);
    return this.#context.containers
      .list()
      .filter((container) => container.imageID === imageID)
      .map((container) => ({
        container: container.name,
        running: this.#context.status(container).state === "running",
      }));
  }

  async usage(): Promise<DiskUsage> {
    const { measureUsage } = await import("./usage/measure.ts");
    return measureUsage(this.#context);
  }

  async *check(options: CheckOptions = {}): AsyncGenerator<CheckFinding> {
    const { check } = await import("./check/check.ts");
    yield* check(this.#context, options);
  }

  async prune(options: PruneOptions): Promise<Pruned> {
    const { prune } = await import("./prune/prune.ts");
    const pruned = await prune(this.#context, options);
    if (options.rehearse !== true) await releaseUnusedLayers(this.#context);
    return pruned;
  }

  async collectSnapshots(): Promise<CollectedSnapshots> {
    const { collectSnapshots } = await import("./collected-snapshots.ts");
    const collected = await collectSnapshots(this.#context);
    await releaseRemovedLayers(this.#context);
    return collected;
  }

  async releaseLayers(): Promise<void> {
    await releaseSharedLayers(this.#context);
  }

  async repair(): Promise<void> {
    await repairContainers(this.#context);
  }

  async removeEnded(id: string): Promise<void> {
    const container = this.#context.containers.get(id);
    if (container !== undefined) await removeIfOver(this.#context, container);
    await releaseUnusedLayers(this.#context);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#context.store.close();
  }

  #make(
    options: ContainerOptions,
    call: CallOptions & { readonly fleeting?: boolean },
  ): Promise<MadeContainer> {
    const freeName = async (name: string) => {
      const holder = this.#context.containers.byName(name);
      return holder === undefined || (await removeIfOver(this.#context, holder));
    };
    return makeContainer(this.#context, options, freeName, call);
  }

  /** Makes a container that can be started again by any process. */
  async #makeLasting(options: ContainerOptions, call: CallOptions): Promise<MadeContainer> {
    const made = await this.#make(options, call);
    return this.#undoingOnError(made, () => {
      writeFileSync(this.#context.files(made.container.id).config, JSON.stringify(made.config), {
        mode: 0o600,
      });
      this.#context.containers.table.setComplete(made.container.id);
      return { ...made, container: { ...made.container, complete: true } };
    });
  }

  async #undoingOnError<T>(made: MadeContainer, action: () => T): Promise<T> {
    try {
      return action();
    } catch (error) {
      await destroyContainer(this.#context, made.container, true);
      throw error;
    }
  }

  #running(container: StoredContainer): RunningContainer {
    const status = this.#context.status(container);
    return runningHandle(this, container, status.state === "running" ? status.pid : 0);
  }

  #runningOnly(reference: string): StoredContainer {
    const container = this.#context.find(reference);
    if (this.#context.status(container).state === "running") return container;
    throw new CortenError("failed-precondition", `container ${container.name} is not running`);
  }
}

function stdinOf({ details }: StoredContainer, { stdin }: AttachOptions): boolean {
  return stdin ?? details.options.interactive === true;
}
