import { readFileSync } from "node:fs";
import { parseResources } from "../../runtime/index.ts";
import { CortenError, type RuntimeResources } from "../../spec/index.ts";
import { bytes } from "../command/bytes.ts";
import { Log } from "./log.ts";
import type { OciCall, updateOptions } from "./options.ts";
import { openRuntime } from "./runtime.ts";

type Options = OciCall<typeof updateOptions>["options"];

/** `corten-oci update ID`: changes the limits that are named, all of them or none. */
export async function run(call: OciCall<typeof updateOptions>): Promise<number> {
  const { options, globals, args } = call;
  const log = new Log(globals);
  for (const name of ["kernel-memory", "kernel-memory-tcp"] as const) {
    if (options[name] !== undefined)
      log.warning(`--${name} is left out: kernels since 5.16 have no such limit`);
  }
  const { resources: file } = options;
  const change = file === undefined ? resourcesOf(options) : readResources(file);
  const runtime = openRuntime(call);
  const { "l3-cache-schema": l3CacheSchema, "mem-bw-schema": memBwSchema } = options;
  if (l3CacheSchema !== undefined || memBwSchema !== undefined) {
    await runtime.updateRdt(args[0]!, {
      ...(l3CacheSchema === undefined ? {} : { l3CacheSchema }),
      ...(memBwSchema === undefined ? {} : { memBwSchema }),
    });
  }
  for (const warning of await runtime.update(args[0]!, change)) log.warning(warning);
  return 0;
}

/** As with runc a file stands for itself: the other options do not count beside it. */
function readResources(file: string): RuntimeResources {
  try {
    return parseResources(readFileSync(file === "-" ? 0 : file));
  } catch (cause) {
    if (cause instanceof CortenError) throw cause;
    throw new CortenError("not-found", `cannot read ${file}: ${(cause as NodeJS.ErrnoException).code}`, {
      cause,
    });
  }
}

function resourcesOf(options: Options): RuntimeResources {
  const size = (name: "memory" | "memory-reservation" | "memory-swap") => {
    const text = options[name];
    return text === undefined ? undefined : text === "-1" ? -1 : bytes(`--${name}`, text);
  };
  const number = (name: NumberOption) => {
    const text = options[name];
    if (text === undefined) return undefined;
    if (!/^-?\d{1,15}$/.test(text)) {
      throw new CortenError("invalid-argument", `invalid value "${text}" for --${name}: give a whole number`);
    }
    return Number(text);
  };
  return withoutEmpty({
    memory: { limit: size("memory"), reservation: size("memory-reservation"), swap: size("memory-swap") },
    cpu: {
      shares: number("cpu-share"),
      quota: number("cpu-quota"),
      period: number("cpu-period"),
      burst: number("cpu-burst"),
      realtimePeriod: number("cpu-rt-period"),
      realtimeRuntime: number("cpu-rt-runtime"),
      cpus: options["cpuset-cpus"],
      mems: options["cpuset-mems"],
      idle: number("cpu-idle"),
    },
    blockIO: { weight: number("blkio-weight") },
    pids: { limit: number("pids-limit") },
  });
}

type NumberOption =
  | "cpu-share"
  | "cpu-quota"
  | "cpu-period"
  | "cpu-burst"
  | "cpu-rt-period"
  | "cpu-rt-runtime"
  | "cpu-idle"
  | "blkio-weight"
  | "pids-limit";

/** Leaves out what no option names. */
function withoutEmpty(
  groups: Readonly<Record<string, Readonly<Record<string, string | number | undefined>>>>,
): RuntimeResources {
  const change: Record<string, unknown> = {};
  for (const [name, fields] of Object.entries(groups)) {
    const given = Object.entries(fields).filter(([, value]) => value !== undefined);
    if (given.length > 0) change[name] = Object.fromEntries(given);
  }
  return change as RuntimeResources;
}
