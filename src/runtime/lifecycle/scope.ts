import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { type ProcessIdentity, processStartTime } from "../../host/index.ts";
import { CortenError } from "../../spec/index.ts";
import { Registers, SectionBuilder } from "../plan/builder.ts";
import { encodePlan } from "../plan/encode.ts";
import { PLAN_VERSION } from "../plan/operation.ts";
import { annotationProperties, limitProperties } from "../systemd/properties.ts";
import { type ScopeUnit, startScope } from "../systemd/scope.ts";
import { unitPlace } from "../systemd/unit-name.ts";
import { checkId } from "./id.ts";
import type { RunOptions } from "./options.ts";
import { wantedConfig } from "./prepare-launch.ts";
import { newFailureFile } from "./state-directory.ts";

/** A scope of systemd that waits for its container. */
export interface Scope extends ScopeUnit {
  /** Path of its control group, relative to the hierarchy. */
  readonly group: string;
  /** Keeps the scope alive until the container's process is in it, which ends it. */
  readonly holder: ProcessIdentity;
}

/** How long a holder waits for its container, in milliseconds: what is killed meanwhile leaves it no longer. */
const PATIENCE = 60_000;

/**
 * Asks systemd for the scope of a container that is about to be made: a unit that it limits and lists like any other.
 * systemd wants a process to put there, and the container's own does not exist yet, so one that only sleeps goes ahead.
 */
export async function makeScope(root: string, executor: string, options: RunOptions): Promise<Scope> {
  const id = checkId(options.id);
  const config = wantedConfig(resolve(options.bundle ?? "."), options);
  const user = isUser();
  const place = unitPlace(config.linux?.cgroupsPath, id, user);
  const properties = [
    ...annotationProperties(config.annotations),
    ...limitProperties(config.linux?.resources ?? {}),
  ];
  const holder = startHolder(root, executor, id);
  try {
    const group = await startScope(place, user, holder.pid, properties);
    return { unit: place.unit, user, group, holder };
  } catch (error) {
    process.kill(holder.pid, "SIGKILL");
    throw error;
  }
}

/** Lets go of a scope whose container was not made after all; systemd removes it when it is empty. */
export function dropScope({ holder: { pid, startTime } }: Scope): void {
  if (processStartTime(pid) === startTime) process.kill(pid, "SIGKILL");
}

/** True where this user, or one in a user namespace, has a systemd of its own. */
function isUser(): boolean {
  return (
    process.geteuid!() !== 0 || !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync("/proc/self/uid_map", "utf8"))
  );
}

function startHolder(root: string, executor: string, id: string): ProcessIdentity {
  const failureFile = newFailureFile(root, id);
  const h = new SectionBuilder("host", new Registers());
  h.add("linger", { ms: PATIENCE });
  h.add("finish", { code: 0 });
  const sections = { host: h.operations, container: [], cleanup: [] };
  const plan = { version: PLAN_VERSION, registers: [], sections, failureFile, onFailure: [] } as const;
  const file = `${failureFile}.plan`;
  writeFileSync(file, encodePlan(plan), { mode: 0o600, flag: "wx" });
  const child = spawn(executor, [file], { argv0: "corten-init", env: {}, stdio: "ignore", detached: true });
  child.on("error", () => undefined); // told below: it has no PID then
  child.unref();
  const { pid } = child;
  const startTime = pid === undefined ? undefined : processStartTime(pid);
  if (pid === undefined || startTime === undefined) {
    throw new CortenError("internal", `cannot run ${executor}`);
  }
  return { pid, startTime };
}
