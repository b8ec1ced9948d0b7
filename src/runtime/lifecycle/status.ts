import { existsSync } from "node:fs";
import { join } from "node:path";
import { isAlive, type ProcessIdentity, parseIdentity, userNames } from "../../host/index.ts";
import { CortenError, type RuntimeStatus } from "../../spec/index.ts";
import { isFrozen } from "../cgroup/control.ts";
import { StateFile } from "../plan/launch-input.ts";
import type { ContainerInfo, ContainerRecord } from "./container.ts";
import { readIdentity, readRecord } from "./state-directory.ts";

/** A container's record and what its process does at this moment. */
export interface Observed {
  readonly record: ContainerRecord;
  readonly status: RuntimeStatus;
  /** Its first process, while that lives. */
  readonly init: ProcessIdentity | undefined;
  /** The process that makes it, while that lives: also the one that supervises a foreground run. */
  readonly maker: ProcessIdentity | undefined;
}

/**
 * Finds out a container's status. Nothing stores it: it follows from the recorded process being alive, the FIFO at
 * which it waits for `start`, and the freezer; so it is right whoever was killed, and when.
 *
 * @throws not-found `container does not exist`
 */
export function observe(root: string, id: string): Observed {
  const record = readRecord(root, id);
  if (record === undefined) throw new CortenError("not-found", "container does not exist");
  const alive = (identity: ProcessIdentity | undefined) =>
    identity !== undefined && isAlive(identity) ? identity : undefined;
  const maker = alive(parseIdentity(record.maker));
  const recorded = readIdentity(root, id, StateFile.init);
  if (recorded === undefined) {
    const init = alive(readIdentity(root, id, StateFile.creating));
    // Without its maker a container that was never finished cannot become one any more.
    return { record, status: maker === undefined ? "stopped" : "creating", init, maker };
  }
  const init = alive(recorded);
  if (init === undefined) return { record, status: "stopped", init, maker };
  if (existsSync(join(root, id, StateFile.fifo))) return { record, status: "created", init, maker };
  return { record, status: isFrozen(record.cgroups) ? "paused" : "running", init, maker };
}

/** The public view of {@link observe}. */
export function describeContainer({ record, status, init }: Observed): ContainerInfo {
  return {
    ociVersion: record.ociVersion,
    id: record.id,
    pid: status === "stopped" ? 0 : (init?.pid ?? 0),
    status,
    bundle: record.bundle,
    rootfs: record.rootfs,
    created: record.created,
    ...(Object.keys(record.annotations).length === 0 ? {} : { annotations: record.annotations }),
    owner: record.uid === 0 ? "root" : (userNames(record.uid)[0] ?? `${record.uid}`),
  };
}
