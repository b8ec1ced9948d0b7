import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { CgroupPlan } from "../cgroup/layout.ts";
import { type LaunchFiles, type PlannedLaunch, planLaunch } from "../lifecycle/prepare-launch.ts";
import type { LaunchInput } from "../plan/launch-input.ts";
import type { LaunchPlan } from "../plan/operation.ts";
import { compileRestore } from "./compile-restore.ts";
import { requireCriu } from "./criu.ts";
import { restoreArguments } from "./criu-arguments.ts";
import { criuConfiguration, criuRequest } from "./criu-request.ts";
import { externalNamespaces, mountPoints } from "./external.ts";
import type { RestoreOptions } from "./options.ts";
import { readStreams } from "./streams.ts";

/** Names in the state directory: of the mount that criu builds the container's mounts on, and of the file with its options. */
const ROOT = "criu-root";
export const CONFIGURATION = "criu.conf";

/** A restore, decided but not begun, and what criu is told. */
export interface PlannedRestore extends PlannedLaunch {
  readonly configuration: string;
}

/** Reads and checks everything that a restore depends on, and compiles its plan. Makes the directory of criu's log. */
export function planRestore(options: RestoreOptions, files: LaunchFiles): PlannedRestore {
  const { id, detach, noSubreaper } = options;
  const imagePath = resolve(options.imagePath);
  const workPath = resolve(options.workPath ?? imagePath);
  const bundle = resolve(options.bundle ?? ".");
  const launchOptions = {
    ...{ id, bundle, noNewKeyring: true, noSubreaper: noSubreaper === true },
    ...(options.scope === undefined ? {} : { scope: options.scope }),
    ...(options.consoleSocket === undefined ? {} : { consoleSocket: options.consoleSocket }),
    ...(options.pidFile === undefined ? {} : { pidFile: options.pidFile }),
  };
  let configuration = "";
  const compile = (input: LaunchInput): { plan: LaunchPlan; warnings: readonly string[] } => {
    const ignored = options.cgroupsMode === "ignore";
    const cgroups = ignored ? ownGroups(input.cgroups) : input.cgroups;
    const rootfs = rootOf(input);
    const subject = { rootfs, config: input.config, cgroups };
    const root = join(files.stateDirectory, ROOT);
    const args = restoreArguments(
      subject,
      { ...options, imagePath, workPath },
      { root, bundle, streams: readStreams(imagePath) },
    );
    configuration = criuConfiguration(args);
    const talk = {
      criu: requireCriu(),
      images: imagePath,
      request: criuRequest("restore", join(files.stateDirectory, CONFIGURATION)),
    };
    const plan = compileRestore(input, talk, {
      ...{ rootfs, root, mountPoints: mountPoints(subject, bundle) },
      namespaces: externalNamespaces(input.config).map(({ path }) => path),
      ...(ignored ? {} : { cgroups }),
    });
    return { plan, warnings: [] };
  };
  const planned = planLaunch(launchOptions, detach === true ? "detach" : "foreground", files, compile);
  mkdirSync(workPath, { recursive: true, mode: 0o700 });
  return { ...planned, configuration };
}

function rootOf({ root }: LaunchInput): string {
  return root.kind === "directory" ? root.path : "";
}

/** Where control groups are left alone, the container stays in the caller's, and sees those. */
function ownGroups(cgroups: CgroupPlan): CgroupPlan {
  const groups = cgroups.groups.map(({ hierarchy }) => ({
    hierarchy,
    path: join(hierarchy.mountpoint, hierarchy.own),
  }));
  return { ...cgroups, groups };
}
