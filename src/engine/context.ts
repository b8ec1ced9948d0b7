import { existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { openStore, type Store } from "../content/index.ts";
import { dataDirectory, ensurePrivateDirectory, runDirectory } from "../host/index.ts";
import { type RunOptions, Runtime, removeTrees } from "../runtime/index.ts";
import { openSnapshots, type Snapshots } from "../snapshot/index.ts";
import { CortenError, isCortenError } from "../spec/index.ts";
import { ContainerFiles } from "./container-files.ts";
import { ContainerIndex } from "./container-index.ts";
import { ContainerTable, ENGINE_SCHEMA } from "./container-table.ts";
import type { EngineOptions } from "./engine.ts";
import { FleetingRecords } from "./fleeting-records.ts";
import { isOwnerAlive } from "./owner.ts";
import { findRootless, type Rootless } from "./rootless.ts";
import { type ContainerFacts, type DerivedStatus, deriveStatus } from "./status.ts";
import type { StoredContainer } from "./stored-container.ts";

const NEWBORN_MS = 5000;

/** What every part of one engine works with. Nothing is remembered here that another process could change. */
export class EngineContext {
  readonly root: string;
  readonly runRoot: string;
  readonly store: Store;
  readonly containers: ContainerIndex;
  readonly snapshots: Snapshots;
  readonly runtime: Runtime;
  /** How it works without the machine's rights; undefined with them. */
  readonly rootless: Rootless | undefined;
  /** Where layers are mounted once for all containers; undefined: each container mounts its own. */
  readonly sharedLayers: string | undefined;
  readonly removeCommand: readonly string[];
  readonly failureCommand: readonly string[];

  constructor(options: EngineOptions) {
    this.root = resolve(options.root ?? dataDirectory());
    this.runRoot = resolve(options.runRoot ?? runDirectory());
    this.removeCommand = options.removeCommand ?? [];
    this.failureCommand = options.failureCommand ?? [];
    ensurePrivateDirectory(this.root);
    this.store = openStore(this.root, [ENGINE_SCHEMA]);
    this.containers = new ContainerIndex(
      new ContainerTable(this.store.database),
      new FleetingRecords(this.root),
    );
    this.rootless = findRootless();
    this.sharedLayers = this.#sharesLayers(options) ? join(this.runRoot, "layers") : undefined;
    this.snapshots = openSnapshots(this.root, this.rootless);
    this.runtime = new Runtime({ root: join(this.runRoot, "engine"), onFailure: this.failureCommand });
  }

  /** The bind mount that keeps shared layers would be in the way of who removes a run root of their own. */
  #sharesLayers({ shareLayers }: EngineOptions): boolean {
    return this.rootless === undefined && (shareLayers ?? this.runRoot === runDirectory());
  }

  files(id: string): ContainerFiles {
    return new ContainerFiles(join(this.root, "containers", id), join(this.runRoot, "monitor", id));
  }

  /** Settings of every start. */
  get launchSettings(): Partial<Pick<RunOptions, "cgroupManager">> {
    return this.rootless?.limits === false ? { cgroupManager: "disabled" } : {};
  }

  /** Removes a directory in which a container may have written, whoever it was inside. */
  async removeWritten(directory: string): Promise<void> {
    if (this.rootless?.mappings === undefined) rmSync(directory, { recursive: true, force: true });
    else if (existsSync(directory)) await removeTrees([directory], { mappings: this.rootless.mappings });
  }

  status(container: StoredContainer): DerivedStatus {
    return deriveStatus(this.facts(container));
  }

  facts(container: StoredContainer): ContainerFacts {
    const files = this.files(container.id);
    // In this order: what ends while we look leaves its exit record before its monitor goes.
    const pid = this.#pid(container.id);
    const monitored = files.hasMonitor();
    return {
      complete: container.complete,
      ownerAlive: isOwnerAlive(container.owner) && !this.#isOver(container),
      pid,
      monitored,
      started: container.started !== null,
      exit: files.readExit(),
    };
  }

  /** The container that a reference means; one that is to be removed does not exist any more. */
  find(reference: string): StoredContainer {
    const container = this.containers.find(reference);
    if (this.status(container).state !== "abandoned") return container;
    throw new CortenError("not-found", `no such container: ${reference.slice(0, 100)}`);
  }

  /**
   * A container that was run in the foreground by a child of its owner has ended when its directory is gone: the
   * executor removes that last. In the moment before its maker makes the directory it is only young.
   */
  #isOver({ id, created }: StoredContainer): boolean {
    return Date.now() - created > NEWBORN_MS && !existsSync(this.files(id).directory);
  }

  #pid(id: string): number | null {
    try {
      const { pid } = this.runtime.state(id);
      return pid > 0 ? pid : null;
    } catch (error) {
      if (isCortenError(error, "not-found")) return null;
      throw error;
    }
  }
}
