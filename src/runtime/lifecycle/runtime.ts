import { join, resolve } from "node:path";
import { ensurePrivateDirectory, isAlive, pause, runDirectory } from "../../host/index.ts";

import { CortenError, type RuntimeIntelRdt, type RuntimeResources } from "../../spec/index.ts";

import { containerProcesses, setFrozen } from "../cgroup/control.ts";
import { type ContainerStatistics, readStatistics } from "../cgroup/statistics.ts";
import type { CheckpointOptions, RestoreOptions } from "../checkpoint/options.ts";
import { signalNumber } from "../config/signals.ts";
import { compileFilterChange } from "../plan/compile-filter.ts";
import { encodePlan } from "../plan/encode.ts";
import { type LaunchMode, StateFile } from "../plan/launch-input.ts";
import { compileNotification } from "../plan/notify.ts";
import type { LaunchPlan } from "../plan/operation.ts";
import type { ContainerInfo, ContainerRecord } from "./container.ts";
import { destroy, removeUnfinished } from "./destroy.ts";
import { type ContainerEvent, type EventOptions, watchContainer } from "./events.ts";
import { Executor } from "./executor.ts";
import { runHooks } from "./host-hooks.ts";
import { checkId } from "./id.ts";
import { killContainer } from "./kill.ts";
import { type Launch, launch } from "./launch.ts";
import { affinityNotes, filterNotes } from "./notes.ts";
import { awaitNotification, type Notification } from "./notification.ts";
import type { CreateOptions, ExecOptions, RunOptions } from "./options.ts";
import { planExec } from "./prepare-exec.ts";
import { type PlannedLaunch, planLaunch } from "./prepare-launch.ts";
import type { Scope } from "./scope.ts";
import { releaseContainer } from "./start.ts";
import {
  listIds,
  makeStateDirectory,
  newFailureFile,
  stateDirectory,
  sweepFailures,
} from "./state-directory.ts";
import { describeContainer, type Observed, observe } from "./status.ts";
import { updateLimits } from "./update.ts";

export interface RuntimeOptions {
  /** Directory of the containers' states. Default: `oci` below Corten's run directory. */
  readonly root?: string;
  /**
   * What the executor becomes after a failure: argv, the first element an absolute path; `--warning TEXT` is added for
   * each warning of the start, and the failure's file as the last one. Default: nothing, it exits with 125.
   */
  readonly onFailure?: readonly string[];
  /** The executor. Default: that of this installation. */
  readonly executor?: string;
}

/** Containers below one root directory. Nothing is kept in memory: any number of processes may use one root. */
export class Runtime {
  readonly root: string;
  readonly #onFailure: readonly string[];
  readonly #executor: Executor;
  #ready = false;

  constructor(options: RuntimeOptions = {}) {
    this.root = resolve(options.root ?? join(runDirectory(), "oci"));
    this.#onFailure = options.onFailure ?? [];
    this.#executor = new Executor(this.root, this.#onFailure, options.executor);
  }

  /**
   * Prepares `create`: when the executor has ended with 0, the container's process waits for {@link start}.
   *
   * @throws already-exists `container with given ID already exists`; what reading and checking the configuration throws
   */
  prepareCreate(options: CreateOptions): Launch {
    return this.#prepare(options, "create");
  }

  /** Prepares `run`: create and start in one. In the foreground the executor stays as long as the container runs. */
  prepareRun(options: RunOptions): Launch {
    return this.#prepare(options, options.detach === true ? "detach" : "foreground");
  }

  /**
   * Stores the plan of a start in `file`, as the front door replays it (native/front). `file` is one of `.plans` below
   * the root, in which the front door has left the start's key.
   */
  async storeLaunch(file: string, options: RunOptions & { readonly create?: boolean }): Promise<void> {
    const { storeLaunch } = await import("./known-plan.ts");
    storeLaunch(this.#planStore(file), options, modeOf(options));
  }

  /** The same for {@link prepareExec}. */
  async storeExec(file: string, id: string, options: ExecOptions): Promise<void> {
    const { storeExec } = await import("./known-plan.ts");
    storeExec(this.#planStore(file), this.#observe(id), options);
  }

  /**
   * Asks systemd for the scope of a container, which then goes into {@link CreateOptions.scope}: its `cgroupsPath` is
   * SLICE:PREFIX:NAME. When the container is not made after all, {@link dropScope} lets go of it.
   *
   * @throws unavailable without systemd; already-exists for a unit that runs; invalid-argument for another path
   */
  async makeScope(options: RunOptions): Promise<Scope> {
    const program = this.#executor.program();
    this.#makeRoot();
    const { makeScope } = await import("./scope.ts");
    return makeScope(this.root, program, options);
  }

  /** Ends the holder in a scope that gets no container. */
  async dropScope(scope: Scope): Promise<void> {
    (await import("./scope.ts")).dropScope(scope);
  }

  /** Compiles what {@link prepareCreate} or {@link prepareRun} would do, without doing it. */
  planLaunch(options: RunOptions & { readonly create?: boolean }): {
    readonly plan: LaunchPlan;
    readonly warnings: readonly string[];
  } {
    const { plan, warnings } = planLaunch(options, modeOf(options), {
      stateDirectory: stateDirectory(this.root, checkId(options.id)),
      failureFile: join(this.root, ".failures", options.id),
      onFailure: [],
    });
    return { plan, warnings };
  }

  /** Prepares one more process in a container. */
  prepareExec(id: string, options: ExecOptions): Launch {
    this.#executor.program();
    const container = this.#observe(id);
    const { plan, warnings, process } = planExec(container, options, this.#executor.failureOf(id));
    const { config } = container.record;
    const notes = () => [...filterNotes(config), ...affinityNotes(process)];
    return this.#executor.store(id, plan, { warnings, preservedFds: options.preserveFds, notes });
  }

  /**
   * Lets a created container run, then runs its poststart hooks. A hook's failure, of startContainer's too, ends the
   * container and removes it with its poststop hooks (runtime.md "Lifecycle", steps 7 to 9).
   */
  async start(id: string): Promise<void> {
    const container = this.#observe(id);
    await using notification = await this.#awaitReady(container);
    try {
      await releaseContainer(this.root, container);
      await runHooks(container.record, "poststart", "running", container.init?.pid);
    } catch (error) {
      if (!(error instanceof CortenError) || error.pointer?.startsWith("/hooks/") !== true) throw error;
      await destroy(this.root, this.#observe(id), this.#unmount);
      throw error;
    }
    await notification?.done;
  }

  /** Waits at the socket by which a container tells that it is ready, before it runs. */
  async #awaitReady({ record, status, init }: Observed): Promise<Notification | undefined> {
    if (record.notifySocket === undefined || init === undefined || status !== "created") return undefined;
    const { id, notifySocket } = record;
    const directory = stateDirectory(this.root, id);
    const files = { failureFile: newFailureFile(this.root, id), onFailure: [] };
    const plan = compileNotification(init, { stateDirectory: directory, notifySocket }, files);
    return awaitNotification(this.#executor.store(id, plan), directory);
  }

  /** @throws not-found `container does not exist` */
  state(id: string): ContainerInfo {
    return describeContainer(this.#observe(id));
  }

  /** What is stored about a container. @throws not-found */
  record(id: string): ContainerRecord {
    return this.#observe(id).record;
  }

  /** All containers, by ID. */
  list(): ContainerInfo[] {
    const found: ContainerInfo[] = [];
    sweepFailures(this.root);
    for (const id of listIds(this.root)) {
      try {
        found.push(this.state(id));
      } catch (error) {
        if (!(error instanceof CortenError)) throw error;
        // One that was removed between the two looks is no news; one that cannot be read must not hide the others.
        if (error.code !== "not-found") process.emitWarning(error.message);
      }
    }
    return found;
  }

  /**
   * Sends a signal to the container's first process; with `all`, to each of its processes. Without a PID namespace of
   * its own SIGKILL goes to all, since the others would live on.
   *
   * @throws failed-precondition `container not running`
   */
  async kill(
    id: string,
    signal: string | number = "SIGTERM",
    options: { readonly all?: boolean } = {},
  ): Promise<void> {
    const container = this.#observe(id);
    await killContainer(container, signalNumber(signal), options.all === true, (target, number) =>
      this.#executor.signal(id, target, number),
    );
  }

  /**
   * Removes a stopped or merely created container and runs its poststop hooks, whose errors it returns: they are for
   * a log. With `force` a running one is killed first, and one that does not exist is no error.
   *
   * @throws failed-precondition `cannot delete container ID that is not stopped: STATUS`
   */
  async delete(id: string, options: { readonly force?: boolean } = {}): Promise<readonly CortenError[]> {
    let container: Observed;
    try {
      container = this.#observe(id);
    } catch (error) {
      if (options.force === true && error instanceof CortenError && error.code === "not-found") return [];
      throw error;
    }
    const { status } = container;
    if (status !== "stopped" && status !== "created" && options.force !== true) {
      throw new CortenError(
        "failed-precondition",
        `cannot delete container ${id} that is not stopped: ${status}`,
        {
          hint: "stop it first, or use --force",
        },
      );
    }
    return destroy(this.root, container, this.#unmount);
  }

  /** PIDs of the container's processes on the host. */
  processes(id: string): number[] {
    const { record, init } = this.#observe(id);
    const found = containerProcesses(record.cgroups);
    return found.length === 0 && init !== undefined ? [init.pid] : found;
  }

  /** Stops all processes of a container. @throws failed-precondition when it does not run */
  async pause(id: string): Promise<void> {
    const { record, status } = this.#observe(id);
    if (status !== "running" && status !== "created") {
      throw new CortenError("failed-precondition", `cannot pause a container that is ${status}`);
    }
    await setFrozen(record.cgroups, true);
  }

  /** Lets a paused container go on. @throws failed-precondition when it is not paused */
  async resume(id: string): Promise<void> {
    const { record, status } = this.#observe(id);
    if (status !== "paused") throw new CortenError("failed-precondition", "container not paused");
    await setFrozen(record.cgroups, false);
  }

  /**
   * Changes limits of a container that runs: those that `resources` names, all of them or none. `state.json` tells
   * them afterwards. Returns warnings about what was left out on purpose.
   *
   * @throws failed-precondition naming the pointer of the limit that the kernel refuses; the others hold what they held
   */
  update(id: string, resources: RuntimeResources): Promise<readonly string[]> {
    return updateLimits(this.root, this.#observe(id), resources, async (group, program) => {
      await this.#executor.perform(id, (files) => compileFilterChange(group, program, files));
    });
  }

  /**
   * Divides cache and memory bandwidth anew, in the resctrl group of the container.
   *
   * @throws failed-precondition for a container without one, and for what the kernel refuses
   */
  async updateRdt(id: string, change: Pick<RuntimeIntelRdt, "l3CacheSchema" | "memBwSchema">): Promise<void> {
    const { updateRdt } = await import("./resctrl.ts");
    updateRdt(this.#observe(id).record.rdt, change);
  }

  /** What the container has used so far. @throws failed-precondition when it does not run */
  stats(id: string): ContainerStatistics {
    const { record, status } = this.#observe(id);
    if (status === "stopped" || status === "creating") {
      throw new CortenError("failed-precondition", "container not running");
    }
    return readStatistics(record.cgroups);
  }

  /**
   * Statistics at an interval, and each time the kernel kills or would kill for want of memory; ends when the
   * container does, or by `signal`.
   */
  async *events(id: string, options: EventOptions = {}): AsyncGenerator<ContainerEvent, void, undefined> {
    const { record } = this.#observe(id);
    this.stats(id);
    yield* watchContainer(record, () => this.#observe(id).init !== undefined, options);
  }

  /**
   * Writes a running container to images through criu. Unless it is to run on, it has ended then and is deleted.
   *
   * @throws failed-precondition with what criu said
   */
  async checkpoint(id: string, options: CheckpointOptions): Promise<void> {
    const { checkpointContainer } = await import("../checkpoint/checkpoint.ts");
    const file = newFailureFile(this.root, id);
    const ended = await checkpointContainer(this.#observe(id), options, file, (plan, stdin) =>
      launch(this.#executor.store(id, plan), { stdio: [stdin, "ignore", "ignore"] }),
    );
    if (ended) await this.delete(id, { force: true });
  }

  /**
   * Prepares the making of a container from images through criu. In the foreground the executor stays as long as the
   * container runs, as after {@link prepareRun}. {@link explainRestore} tells what it failed with.
   *
   * @throws already-exists for an ID that is taken; failed-precondition without criu
   */
  async prepareRestore(options: RestoreOptions): Promise<Launch> {
    const id = checkId(options.id);
    const { planRestore, CONFIGURATION } = await import("../checkpoint/restore.ts");
    this.#makeRoot();
    this.#executor.program();
    this.#refuseTaken(id);
    const failure = this.#executor.failureOf(id);
    const planned = planRestore(options, { stateDirectory: stateDirectory(this.root, id), ...failure });
    const { configuration, warnings } = planned;
    if (!this.#store(id, planned, { [CONFIGURATION]: configuration })) throw alreadyExists();
    const file = join(stateDirectory(this.root, id), StateFile.plan);
    return this.#executor.launchOf(id, file, failure.failureFile, { warnings });
  }

  /** What a restore failed with: criu's own words, from its log in `workPath`, where it was criu that failed. */
  async explainRestore(error: CortenError, workPath: string): Promise<CortenError> {
    const { criuFailure, failureOf, RESTORE_LOG } = await import("../checkpoint/criu.ts");
    return failureOf(error, () => criuFailure("restore", workPath, RESTORE_LOG, ""));
  }

  /** Waits until the container's process has ended. It need not be a child of the caller. */
  async waitStopped(id: string, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { init } = this.#observe(id);
    for (let wait = 1; init !== undefined && isAlive(init); wait = Math.min(wait * 2, 50)) {
      await pause(wait, options.signal);
    }
  }

  readonly #unmount = (id: string, path: string): Promise<void> => this.#executor.unmount(id, path);

  #observe(id: string): Observed {
    return observe(this.root, checkId(id));
  }

  #planStore(file: string) {
    return { file, root: this.root, onFailure: this.#onFailure };
  }

  #makeRoot(): void {
    if (this.#ready) return;
    ensurePrivateDirectory(this.root, { readable: true });
    this.#ready = true;
  }

  #prepare(options: RunOptions, mode: LaunchMode): Launch {
    const id = checkId(options.id);
    this.#makeRoot();
    this.#executor.program();
    const directory = stateDirectory(this.root, id);
    this.#refuseTaken(id);
    const failure = this.#executor.failureOf(id);
    const planned = this.#executor.withWarnings(
      planLaunch(options, mode, { stateDirectory: directory, ...failure }),
    );
    if (!this.#store(id, planned)) throw alreadyExists();
    const preservedFds = (options.preserveFds ?? 0) + (options.listenFds?.count ?? 0);
    const { warnings, record } = planned;
    const settings = { warnings, preservedFds, notes: () => filterNotes(record.config) };
    return this.#executor.launchOf(id, join(directory, StateFile.plan), failure.failureFile, settings);
  }

  #store(
    id: string,
    { record, plan }: PlannedLaunch,
    others: Readonly<Record<string, string>> = {},
  ): boolean {
    return makeStateDirectory(this.root, id, {
      ...others,
      [StateFile.record]: JSON.stringify(record),
      [StateFile.plan]: encodePlan(plan),
    });
  }

  /** An ID is taken by any container but one that was never finished and whose maker is dead: that one is removed. */
  #refuseTaken(id: string): void {
    if (!listIds(this.root).includes(id)) return;
    if (!removeUnfinished(this.root, id)) throw alreadyExists();
  }
}

function modeOf({ create, detach }: { readonly create?: boolean; readonly detach?: boolean }): LaunchMode {
  if (create === true) return "create";
  return detach === true ? "detach" : "foreground";
}

function alreadyExists(): CortenError {
  return new CortenError("already-exists", "container with given ID already exists");
}
