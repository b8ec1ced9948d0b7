import { CortenError } from "../../spec/index.ts";

/** One write to a file of a control group. */
export interface CgroupWrite {
  /** Absolute path. */
  readonly file: string;
  readonly data: string;
  /** JSON pointer of the setting. */
  readonly at: string;
  /** A number of errno that is no failure; 0 for none. */
  readonly ignore: number;
}

/** What the limits of a configuration come to on this host. */
export interface CgroupLimits {
  readonly writes: readonly CgroupWrite[];
  readonly warnings: readonly string[];
}

/** The error for a limit that asks for a controller which this host does not offer. */
export function missingController(controller: string, at: string): CortenError {
  return new CortenError(
    "failed-precondition",
    `config.json: ${at}: this host offers no "${controller}" cgroup controller`,
    { pointer: at, hint: "run `corten doctor`, or leave the limit out" },
  );
}

/** The error for a limit that exists in only one of the two cgroup versions. */
export function wrongVersion(at: string, why: string): CortenError {
  return new CortenError("failed-precondition", `config.json: ${at}: ${why}`, { pointer: at });
}
