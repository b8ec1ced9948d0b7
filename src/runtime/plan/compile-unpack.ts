import { Registers, SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import { type LaunchPlan, PLAN_VERSION } from "./operation.ts";

/** Where a stream is written. */
export interface UnpackInput {
  /** Absolute path of an existing directory that nobody else can reach. */
  readonly directory: string;
  readonly failureFile: string;
}

/** Compiles the plan that writes the stream on stdin below a directory. */
export function compileUnpack({ directory, failureFile }: UnpackInput): LaunchPlan {
  const registers = new Registers();
  const h = new SectionBuilder("host", registers);
  const root = h.take(directory);
  const flags = k.O_PATH | k.O_DIRECTORY | k.O_NOFOLLOW;
  h.add("open", { out: root, dir: null, path: directory, flags, mode: 0 });
  h.add("applyStream", { root });
  h.add("finish", { code: 0 });
  return {
    version: PLAN_VERSION,
    registers: registers.labels,
    sections: { host: h.operations, container: [], cleanup: [] },
    failureFile,
    onFailure: [],
  };
}
