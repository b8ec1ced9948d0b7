import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type ProcessIdentity, programs, requireProgram } from "../../host/index.ts";
import { CortenError } from "../../spec/index.ts";
import { compileSignal } from "../plan/compile-exec.ts";
import { encodePlan } from "../plan/encode.ts";
import { type CompiledLaunch, StateFile } from "../plan/launch-input.ts";
import type { LaunchPlan } from "../plan/operation.ts";
import { compileUnmount } from "../plan/shared-mounts.ts";
import { type Launch, type LaunchResult, launch } from "./launch.ts";
import { newFailureFile, stateDirectory } from "./state-directory.ts";

/** What an executor is given beside its plan. */
export interface LaunchSettings {
  readonly warnings?: readonly string[];
  /** Descriptors from 3 on that the process inherits. */
  readonly preservedFds?: number | undefined;
  /** What a search for errors wants to know of it. */
  readonly notes?: Launch["notes"];
}

/** Hands plans to `corten-init`: each lies in the state directory of the container that it concerns. */
export class Executor {
  readonly #root: string;
  readonly #onFailure: readonly string[];
  readonly #program: string | undefined;

  /** @param onFailure what the executor becomes after a failure, without the failure's file; empty: nothing */
  constructor(root: string, onFailure: readonly string[], program: string | undefined) {
    this.#root = root;
    this.#onFailure = onFailure;
    this.#program = program;
  }

  /** Its path. @throws failed-precondition when it is not there */
  program(): string {
    const program = this.#program ?? programs().init;
    requireProgram(program);
    return program;
  }

  /** A new file for the account of a failure, and the command that is to read it. */
  failureOf(id: string): { readonly failureFile: string; readonly onFailure: readonly string[] } {
    const failureFile = newFailureFile(this.#root, id);
    return { failureFile, onFailure: this.#onFailure.length === 0 ? [] : [...this.#onFailure, failureFile] };
  }

  /** What becomes of a failed start hears its warnings, too: nobody else is there to tell them. */
  withWarnings<Start extends CompiledLaunch>(planned: Start): Start {
    const { plan, warnings } = planned;
    if (this.#onFailure.length === 0 || warnings.length === 0) return planned;
    const told = warnings.flatMap((warning) => ["--warning", warning]);
    return { ...planned, plan: { ...plan, onFailure: [...this.#onFailure, ...told, plan.failureFile] } };
  }

  /** The launch of a plan that is stored already. */
  launchOf(id: string, file: string, failureFile: string, settings: LaunchSettings = {}): Launch {
    const { warnings = [], preservedFds = 0, notes = () => [] } = settings;
    return {
      path: this.#program ?? programs().init,
      args: ["corten-init", file],
      env: {},
      failureFile,
      stateDirectory: stateDirectory(this.#root, id),
      preservedFds,
      warnings,
      notes,
    };
  }

  /** Stores a plan that concerns an existing container beside its state. */
  store(id: string, plan: LaunchPlan, settings: LaunchSettings = {}): Launch {
    const { failureFile } = plan;
    const file = join(stateDirectory(this.#root, id), `${StateFile.plan}-${basename(failureFile)}`);
    writeFileSync(file, encodePlan(plan), { mode: 0o600, flag: "wx" });
    return this.launchOf(id, file, failureFile, settings);
  }

  /** Has a plan performed that concerns an existing container; `compile` makes it. @throws what it failed with */
  perform(
    id: string,
    compile: (files: Pick<LaunchPlan, "failureFile" | "onFailure">) => LaunchPlan,
  ): Promise<LaunchResult> {
    return launch(this.store(id, compile({ failureFile: newFailureFile(this.#root, id), onFailure: [] })));
  }

  /** Signals through a pidfd, so that it never reaches another process that took over the number; false: it has ended. */
  async signal(id: string, target: ProcessIdentity, signal: number): Promise<boolean> {
    try {
      await this.perform(id, (files) => compileSignal(target, signal, files));
      return true;
    } catch (error) {
      if (error instanceof CortenError && error.errno === "ESRCH") return false;
      throw error;
    }
  }

  /** Takes the mount away that covers a root directory of the host. */
  async unmount(id: string, path: string): Promise<void> {
    await this.perform(id, (files) => compileUnmount(path, files));
  }
}
