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
  /** Used in place of `file` and `data` where the kernel has that file: absolute path, and what is written to it. */
  readonly preferred?: { readonly file: string; readonly data: string };
}

/** What the limits of a configuration come to on this host. */
export interface CgroupLimits {
  readonly writes: readonly CgroupWrite[];
  /** On v2: the program that decides about devices; absent where everything is allowed, and on v1. */
  readonly deviceFilter?: Uint8Array;
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
