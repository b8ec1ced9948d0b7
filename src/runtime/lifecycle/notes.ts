import type { RuntimeConfig, RuntimeProcess } from "../../spec/index.ts";
import { numberMask } from "../config/number-set.ts";
import { MAX_CPU } from "../config/scheduling.ts";
import { compileSeccomp } from "../seccomp/compile.ts";
import { unknownSyscalls } from "../seccomp/profile.ts";
import { NATIVE } from "./prepare-launch.ts";

/** What a search for errors wants to know of a configuration's filter. */
export function filterNotes({ linux }: RuntimeConfig): string[] {
  if (linux?.seccomp === undefined) return [];
  const { flags } = compileSeccomp(linux.seccomp, NATIVE);
  const unknown = unknownSyscalls(linux.seccomp);
  const listed = `${unknown.slice(0, 20).join(", ")}${unknown.length > 20 ? ", …" : ""}`;
  return [
    `seccomp filter flags: ${flags}`,
    ...(unknown.length === 0
      ? []
      : [`seccomp: ${unknown.length} unknown system calls are ignored: ${listed}`]),
  ];
}

/**
 * The CPUs that a process is started on. Nothing else tells: the final set has taken their place when the process looks.
 */
export function affinityNotes({ execCPUAffinity }: RuntimeProcess): string[] {
  const { initial = "" } = execCPUAffinity ?? {};
  if (initial === "") return [];
  const mask = numberMask(initial, MAX_CPU, "/process/execCPUAffinity/initial");
  const digits = Buffer.from(mask).reverse().toString("hex").replace(/^0+/, "");
  return [`CPU affinity: 0x${digits}`];
}
