import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram, hostFacts, programs, requireProgram } from "../../host/index.ts";
import { CortenError, type RuntimeIdMapping } from "../../spec/index.ts";
import { type FileWork, mappingConfig } from "../plan/compile-unpack.ts";
import { encodePlan } from "../plan/encode.ts";
import type { LaunchPlan } from "../plan/operation.ts";
import { readFailure } from "./failure.ts";

/** Which ids of the host those of an image stand for: the user namespace of an ordinary user's containers. */
export interface IdMappings {
  readonly uidMappings: readonly RuntimeIdMapping[];
  readonly gidMappings: readonly RuntimeIdMapping[];
}

export interface WorkOptions {
  /** The user namespace to work in. Default: the caller's own. */
  readonly mappings?: IdMappings;
  /** The executor. Default: that of this installation. */
  readonly executor?: string;
  readonly signal?: AbortSignal;
}

/**
 * Runs a plan that makes no container, with `stream` on its stdin.
 *
 * @param place a directory that may be written, for the plan
 * @throws what the executor reports
 */
export async function executeWork(
  place: string,
  compile: (work: FileWork) => LaunchPlan,
  stream: Iterable<Uint8Array>,
  { executor = programs().init, mappings, signal }: WorkOptions,
): Promise<void> {
  signal?.throwIfAborted();
  // Loaded here: a start of a container has no use for them.
  const [{ spawn }, { once }] = await Promise.all([import("node:child_process"), import("node:events")]);
  const scratch = mkdtempSync(join(place, ".work-"));
  try {
    const failureFile = join(scratch, "failure");
    const planFile = join(scratch, "plan");
    const plan = compile({ failureFile, mapped: mappings === undefined ? undefined : mapped(mappings) });
    writeFileSync(planFile, encodePlan(plan), { mode: 0o600, flag: "wx" });
    const child = spawn(requireProgram(executor), [planFile], {
      argv0: "corten-init",
      env: {},
      stdio: ["pipe", "ignore", "pipe"],
      ...(signal === undefined ? {} : { signal, killSignal: "SIGTERM" as const }),
    });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4096);
    });
    // The executor stops reading at the first entry that fails; its record tells why.
    child.stdin.on("error", () => child.stdin.destroy());
    for (const bytes of stream) {
      if (child.stdin.destroyed) break;
      if (!child.stdin.write(bytes)) await Promise.race([once(child.stdin, "drain"), ended]);
    }
    child.stdin.end();
    const code = await ended;
    if (code === 0) return;
    throw (
      readFailure(failureFile) ??
      new CortenError("internal", `the executor ended with ${code}: ${said.trim()}`)
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function mapped(mappings: IdMappings): NonNullable<FileWork["mapped"]> {
  return {
    config: mappingConfig(mappings),
    host: hostFacts(),
    idMappers: { uid: findProgram("newuidmap"), gid: findProgram("newgidmap") },
  };
}
