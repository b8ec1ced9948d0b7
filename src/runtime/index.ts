/**
 * The OCI runtime: from a bundle to a running container.
 *
 * A start has two halves. This room *decides*: it reads config.json, looks at the host once, and compiles both into
 * a launch plan, a list of operations that are close to system calls (`plan/`, pure functions). The executor in
 * `native/` *performs* that plan and becomes the container's first process. {@link Runtime} holds the life of
 * containers: directories below its root hold each one's state, and the status is derived from what the kernel
 * says about the recorded process, so a SIGKILL at any moment leaves nothing that the next call cannot put right.
 */

export type { CgroupDirectory, ContainerInfo, ContainerRecord } from "./lifecycle/container.ts";
export type { Launch } from "./lifecycle/launch.ts";
export type { CreateOptions, ExecOptions, RunOptions } from "./lifecycle/options.ts";
export { encodePlan } from "./plan/encode.ts";
export type { LaunchPlan, Operation, OperationName, Register, SectionName } from "./plan/operation.ts";
export { OPERATIONS, PLAN_VERSION } from "./plan/operation.ts";
export type { DirectoryRoot, LayeredRoot, RootLayer, RootRecipe, RootUpper } from "./plan/root-recipe.ts";

// Values of this room, published as they land: see the signatures.
//   class Runtime {
//     constructor(options?: { root?: string; onFailure?: readonly string[]; executor?: string });
//     readonly root: string;                                   // default /run/corten/oci
//     prepareCreate(options: CreateOptions): Launch;           // config checked, state written, plan encoded
//     prepareRun(options: RunOptions): Launch;
//     prepareExec(id: string, options: ExecOptions): Launch;
//     start(id: string): Promise<void>;                        // runs poststart hooks
//     state(id: string): ContainerInfo;
//     record(id: string): ContainerRecord;                     // cgroup directories, config, cleanup paths
//     list(): ContainerInfo[];
//     kill(id: string, signal: string | number, options?: { all?: boolean }): Promise<void>;
//     delete(id: string, options?: { force?: boolean }): Promise<void>;   // runs poststop hooks
//     processes(id: string): number[];
//     pause(id: string): void; resume(id: string): void;
//   }
//   launch(prepared: Launch, options?: { stdio?, signal?: AbortSignal }): Promise<{ exitCode: number }>  // throws readFailure's error
//   readFailure(file: string): CortenError | undefined         // and removes the file
//   parseConfig(bytes: Uint8Array): RuntimeConfig;  parseProcess(bytes: Uint8Array): RuntimeProcess
//   defaultConfig(): RuntimeConfig                             // `corten-oci spec`
//   signalNumber(name: string | number): number
//   planLaunch(options: RunOptions & { create?: boolean }): { plan: LaunchPlan; warnings: string[] }  // no state written
//   formatPlan(plan: LaunchPlan): string;  planDocument(plan: LaunchPlan): unknown (JSON)
//   compileLaunch / compileExec / compileSignal
