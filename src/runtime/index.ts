/**
 * The OCI runtime: from a bundle to a running container.
 *
 * A start has two halves. This room *decides*: it reads config.json, looks at the host once, and compiles both into
 * a launch plan, a list of operations that are close to system calls (`plan/`, pure functions). The executor in
 * `native/` *performs* that plan and becomes the container's first process. {@link Runtime} holds the life of
 * containers: directories below its root hold each one's state, and the status is derived from what the kernel
 * says about the recorded process, so a SIGKILL at any moment leaves nothing that the next call cannot put right.
 */

export type { CgroupDirectory } from "./cgroup/control.ts";
export { compileDeviceRules } from "./cgroup/device-program.ts";
export type { CgroupPlan, ContainerCgroup } from "./cgroup/layout.ts";
export { planCgroups } from "./cgroup/layout.ts";
export type { BlockEntry, ContainerStatistics, MemoryEntry } from "./cgroup/statistics.ts";
export type { CheckpointOptions, ImageOptions, RestoreOptions } from "./checkpoint/options.ts";
export { CAPABILITIES } from "./config/capabilities.ts";
export { defaultConfig, OCI_VERSION, rootlessConfig } from "./config/default-config.ts";
export { checkConfig, parseConfig, parseProcess, parseResources } from "./config/parse.ts";
export { signalNumber } from "./config/signals.ts";
export type { RuntimeFeatures } from "./features/features.ts";
export { runtimeFeatures } from "./features/features.ts";
export type { ContainerInfo, ContainerRecord } from "./lifecycle/container.ts";
export { openDatagramSender } from "./lifecycle/datagram.ts";
export type { ContainerEvent, EventOptions } from "./lifecycle/events.ts";
export { readFailure } from "./lifecycle/failure.ts";
export type { Launch, LaunchOptions, LaunchResult } from "./lifecycle/launch.ts";
export { launch } from "./lifecycle/launch.ts";
export type { CreateOptions, ExecOptions, RunOptions } from "./lifecycle/options.ts";
export { readConfig } from "./lifecycle/prepare-launch.ts";
export type { RuntimeOptions } from "./lifecycle/runtime.ts";
export { Runtime } from "./lifecycle/runtime.ts";
export type { Scope } from "./lifecycle/scope.ts";
export { keepSharedLayers, unpinSharedLayers } from "./lifecycle/shared-layers.ts";
export { removeTrees, unpackStream } from "./lifecycle/unpack-stream.ts";
export type { IdMappings, WorkOptions as UnpackOptions } from "./lifecycle/work.ts";
export type { ExecInput } from "./plan/compile-exec.ts";
export { compileExec, compileSignal } from "./plan/compile-exec.ts";
export { compileLaunch } from "./plan/compile-launch.ts";
export { encodePlan } from "./plan/encode.ts";
export { formatOperation, formatPlan, planDocument } from "./plan/format.ts";
export type { CompiledLaunch, LaunchInput, LaunchMode } from "./plan/launch-input.ts";
export { mountOptionNames } from "./plan/mount-options.ts";
export type {
  LaunchPlan,
  Operation,
  OperationName,
  OperationOf,
  Register,
  SectionName,
} from "./plan/operation.ts";
export { OPERATIONS, PLAN_VERSION } from "./plan/operation.ts";
export type { DirectoryRoot, LayeredRoot, RootLayer, RootRecipe, RootUpper } from "./plan/root-recipe.ts";
export type { StreamEntry } from "./plan/stream.ts";
export { encodeStreamEntry, streamHead } from "./plan/stream.ts";
export { compileSeccomp } from "./seccomp/compile.ts";
export { unknownSyscalls } from "./seccomp/profile.ts";
export { syscallNumbers } from "./seccomp/syscalls.ts";
