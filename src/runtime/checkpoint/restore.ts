import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { formatIdentity, processStartTime } from "../../host/index.ts";
import { CortenError } from "../../spec/index.ts";
import type { CgroupPlan } from "../cgroup/layout.ts";
import type { LaunchResult } from "../lifecycle/launch.ts";
import { planLaunch } from "../lifecycle/prepare-launch.ts";
import { makeStateDirectory, newFailureFile, stateDirectory } from "../lifecycle/state-directory.ts";
import { StateFile } from "../plan/launch-input.ts";
import type { LaunchPlan } from "../plan/operation.ts";
import { compileRestore, compileTerminalRestore } from "./compile-restore.ts";
import { criuFailure, failureOf, requireCriu } from "./criu.ts";
import { RESTORE_LOG, restoreArguments } from "./criu-arguments.ts";
import { criuConfiguration, criuRequest } from "./criu-request.ts";
import { externalNamespaces, mountPoints } from "./external.ts";
import type { RestoreOptions } from "./options.ts";

/** Names of the mount that criu builds the container's mounts on, of the file with the PID, and of criu's options. */
const ROOT = "criu-root";
const PID_FILE = "criu-pid";
const CONFIGURATION = "criu.conf";

/**
 * Makes a container from images, which runs when this returns. What is left after a failure is for the caller to
 * remove.
 *
 * @param perform performs a plan with the container's state directory
 * @returns false when the ID is taken
 */
export async function restoreContainer(
  root: string,
  options: RestoreOptions,
  perform: (plan: LaunchPlan) => Promise<LaunchResult>,
): Promise<boolean> {
  const { id } = options;
  const directory = stateDirectory(root, id);
  const imagePath = resolve(options.imagePath);
  const workPath = resolve(options.workPath ?? imagePath);
  const files = { failureFile: newFailureFile(root, id), onFailure: [] };
  const bundle = resolve(options.bundle ?? ".");
  const consoleSocket = options.consoleSocket === undefined ? undefined : resolve(options.consoleSocket);
  const console = consoleSocket === undefined ? {} : { consoleSocket };
  const planned = planLaunch({ id, bundle, noNewKeyring: true, ...console }, "detach", {
    stateDirectory: directory,
    ...files,
  });
  const { record, cgroups } = planned;
  const program = requireCriu();
  const criuRoot = join(directory, ROOT);
  const pidFile = join(directory, PID_FILE);
  const ignored = options.cgroupsMode === "ignore";
  const shown = ignored ? ownGroups(cgroups) : cgroups;
  const subject = { rootfs: record.rootfs, config: record.config, cgroups: shown };
  const paths = { root: criuRoot, pidFile, bundle };
  const args = restoreArguments(subject, { ...options, imagePath, workPath }, paths);
  if (!makeStateDirectory(root, id, { [StateFile.record]: JSON.stringify(record) })) return false;
  mkdirSync(workPath, { recursive: true, mode: 0o700 });
  if (options.cgroupsMode !== "ignore")
    for (const { path } of cgroups.groups) mkdirSync(path, { recursive: true });
  const { resources } = record.config.linux ?? {};
  const groups = ignored ? {} : { cgroups, resources };
  const namespaces = externalNamespaces(record.config).map(({ path }) => path);
  const roots = {
    rootfs: record.rootfs,
    root: criuRoot,
    namespaces,
    mountPoints: mountPoints(subject, bundle),
    ...groups,
  };
  if (record.config.process?.terminal === true) {
    const configuration = join(directory, CONFIGURATION);
    writeFileSync(configuration, criuConfiguration(args.slice(1)), { mode: 0o600 });
    const request = criuRequest("restore", configuration);
    try {
      await perform(compileTerminalRestore({ criu: program, request, ...console }, roots, files));
    } catch (error) {
      throw failureOf(error, () => criuFailure("restore", workPath, RESTORE_LOG, ""));
    }
    rmSync(configuration);
  } else {
    const { exitCode } = await perform(compileRestore([program, ...args], roots, files));
    if (exitCode !== 0) {
      throw criuFailure("restore", workPath, RESTORE_LOG, `criu ended with ${exitCode}`);
    }
  }
  recordRestored(directory, pidFile, options.pidFile);
  return true;
}

/** Where control groups are left alone, the container stays in the caller's, and sees those. */
function ownGroups(cgroups: CgroupPlan): CgroupPlan {
  const groups = cgroups.groups.map(({ hierarchy }) => ({
    hierarchy,
    path: join(hierarchy.mountpoint, hierarchy.own),
  }));
  return { ...cgroups, groups };
}

function recordRestored(directory: string, file: string, pidFile: string | undefined): void {
  const pid = Number(readFileSync(file, "latin1").trim());
  rmSync(file);
  const startTime = Number.isInteger(pid) && pid > 0 ? processStartTime(pid) : undefined;
  if (startTime === undefined) {
    throw new CortenError("failed-precondition", "the restored container has ended at once");
  }
  writeFileSync(join(directory, StateFile.init), `${formatIdentity({ pid, startTime })}\n`, { mode: 0o600 });
  if (pidFile !== undefined) writeFileSync(resolve(pidFile), `${pid}`);
}
