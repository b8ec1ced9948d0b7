import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { hostFacts } from "../../host/index.ts";
import { CortenError } from "../../spec/index.ts";
import { freezerOf } from "../cgroup/control.ts";
import { planCgroups } from "../cgroup/layout.ts";
import type { LaunchResult } from "../lifecycle/launch.ts";
import type { Observed } from "../lifecycle/status.ts";
import type { LaunchPlan } from "../plan/operation.ts";
import { compileTerminalDump } from "./compile-restore.ts";
import { criuFailure, DUMP_LOG, failureOf, requireCriu } from "./criu.ts";
import { dumpArguments } from "./criu-arguments.ts";
import { criuConfiguration, criuRequest } from "./criu-request.ts";
import type { CheckpointOptions } from "./options.ts";
import { DESCRIPTORS, describeStreams } from "./streams.ts";

/**
 * Writes a running container to images.
 *
 * @param perform performs the plan of a container with a terminal, whose failure's record goes to that file
 * @returns whether the container has ended by that
 * @throws failed-precondition with what criu said
 */
export async function checkpointContainer(
  { record, status, init }: Observed,
  options: CheckpointOptions,
  failureFile: string,
  perform: (plan: LaunchPlan, stdin: number | "ignore") => Promise<LaunchResult>,
): Promise<boolean> {
  if (init === undefined || (status !== "running" && status !== "paused")) {
    throw new CortenError("failed-precondition", `cannot checkpoint a container that is ${status}`);
  }
  if (record.rootfs === "") {
    throw new CortenError(
      "unimplemented",
      "a container whose root is mounted from images cannot be checkpointed",
    );
  }
  const imagePath = resolve(options.imagePath);
  const workPath = resolve(options.workPath ?? imagePath);
  const program = requireCriu();
  const cgroups = planCgroups(hostFacts().cgroups, record.config.linux?.cgroupsPath, record.id);
  const freezer = freezerOf(record.cgroups)?.path;
  const streams = describeStreams(init.pid);
  const subject = {
    ...{ rootfs: record.rootfs, config: record.config, cgroups, streams },
    ...(freezer === undefined || !existsSync(freezer) ? {} : { freezer }),
  };
  const args = dumpArguments(init.pid, subject, { ...options, imagePath, workPath });
  const { parentPath } = options;
  if (parentPath !== undefined && !existsSync(join(imagePath, parentPath))) {
    throw new CortenError("not-found", `--parent-path does not exist: ${join(imagePath, parentPath)}`);
  }
  // Images hold the memory of the processes, with all their secrets.
  for (const path of [imagePath, workPath]) mkdirSync(path, { recursive: true, mode: 0o700 });
  if (options.preDump !== true) {
    writeFileSync(join(imagePath, DESCRIPTORS), JSON.stringify(streams), { mode: 0o600 });
  }
  const { statusFd } = options;
  const ended = options.preDump !== true && options.leaveRunning !== true;
  if (record.config.process?.terminal === true && options.preDump !== true && options.shellJob !== true) {
    const configuration = `${failureFile}.criu`;
    // The descriptor comes to criu as its stdin.
    const settings = dumpArguments(init.pid, subject, {
      ...options,
      imagePath,
      workPath,
      ...(statusFd === undefined ? {} : { statusFd: 0 }),
    });
    writeFileSync(configuration, criuConfiguration(settings.slice(1)), { mode: 0o600, flag: "wx" });
    const request = criuRequest("dump", configuration, init.pid);
    try {
      const plan = compileTerminalDump(
        { criu: program, images: imagePath, request },
        { failureFile, onFailure: [] },
      );
      await perform(plan, statusFd ?? "ignore");
    } catch (error) {
      if (!(error instanceof CortenError)) throw error;
      throw failureOf(error, () => criuFailure("dump", workPath, DUMP_LOG, ""));
    } finally {
      rmSync(configuration);
    }
    return ended;
  }
  const { spawnSync } = await import("node:child_process");
  const stdio: Array<"ignore" | "pipe" | number> = ["ignore", "pipe", "pipe"];
  if (statusFd !== undefined) {
    while (stdio.length < statusFd) stdio.push("ignore");
    stdio[statusFd] = statusFd;
  }
  const { status: code, stdout, stderr, error } = spawnSync(program, args, { stdio, maxBuffer: 1024 * 1024 });
  if (code !== 0) {
    const output = error?.message ?? `${stderr?.toString() ?? ""}${stdout?.toString() ?? ""}`;
    throw criuFailure(options.preDump === true ? "pre-dump" : "dump", workPath, DUMP_LOG, output);
  }
  return ended;
}
