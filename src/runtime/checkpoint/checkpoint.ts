import { mkdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { CortenError } from "../../spec/index.ts";
import type { Observed } from "../lifecycle/status.ts";
import { criuFailure, requireCriu } from "./criu.ts";
import { DUMP_LOG, dumpArguments } from "./criu-arguments.ts";
import type { CheckpointOptions } from "./options.ts";

/** What the standard streams of the container led to: restore connects them anew. The name is runc's. */
const DESCRIPTORS = "descriptors.json";

/**
 * Writes a running container to images.
 *
 * @returns whether the container has ended by that
 * @throws failed-precondition with what criu said
 */
export async function checkpointContainer(
  { record, status, init }: Observed,
  options: CheckpointOptions,
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
  const args = dumpArguments(init.pid, record, { ...options, imagePath, workPath });
  // Images hold the memory of the processes, with all their secrets.
  for (const path of [imagePath, workPath]) mkdirSync(path, { recursive: true, mode: 0o700 });
  if (options.preDump !== true) {
    const targets = [0, 1, 2].map((fd) => readlinkSync(`/proc/${init.pid}/fd/${fd}`));
    writeFileSync(join(imagePath, DESCRIPTORS), JSON.stringify(targets), { mode: 0o600 });
  }
  const { spawnSync } = await import("node:child_process");
  const { statusFd } = options;
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
  return options.preDump !== true && options.leaveRunning !== true;
}
