import type { HostFacts } from "../../host/index.ts";
import { isCortenError, type RuntimeConfig } from "../../spec/index.ts";
import { planCgroups } from "../cgroup/layout.ts";
import { CAPABILITIES, capabilityMask } from "../config/capabilities.ts";
import { defaultConfig } from "../config/default-config.ts";
import { checkConfig } from "../config/parse.ts";
import { compileLaunch } from "../plan/compile-launch.ts";
import { compileSeccomp } from "../seccomp/compile.ts";

/** A part of a configuration, laid over the default one. */
export type Change = { readonly [name: string]: unknown };

const ALL_CAPABILITIES = capabilityMask(CAPABILITIES.map((_, number) => number));

/** A host that can do everything: what is asked is what this runtime can do, never what this machine can. */
const HOST: HostFacts = {
  kernel: { release: "99.0", major: 99, minor: 0 },
  uid: 0,
  gid: 0,
  capabilities: { permitted: ALL_CAPABILITIES, bounding: ALL_CAPABILITIES },
  userNamespace: { initial: true, setgroups: true },
  mounts: [],
  cgroups: {
    mode: "unified",
    hierarchies: [
      { version: 2, controllers: [], mountpoint: "/sys/fs/cgroup", directory: "cgroup", own: "/user.slice" },
    ],
  },
};

/**
 * True when a configuration with this setting is taken all the way to a plan. The answer comes from the code that
 * refuses and compiles, so what `features` tells cannot differ from what a start does.
 */
export function accepts(change: Change): boolean {
  try {
    // Limits depend on the version of control groups; a change brings its own.
    const base = merge(defaultConfig() as unknown as Change, { linux: { resources: undefined } });
    compile(merge(base, change) as unknown as RuntimeConfig);
    return true;
  } catch (error) {
    if (isCortenError(error, "unimplemented") || isCortenError(error, "invalid-argument")) return false;
    // A precondition of the host: the setting itself is understood.
    if (isCortenError(error, "failed-precondition")) return true;
    throw error;
  }
}

function compile(wanted: RuntimeConfig): void {
  const config = checkConfig(wanted);
  const seccomp =
    config.linux?.seccomp === undefined ? undefined : compileSeccomp(config.linux.seccomp, "X86_64");
  compileLaunch({
    id: "features",
    config,
    mode: "foreground",
    bundle: "/bundle",
    root: { kind: "directory", path: "/bundle/rootfs" },
    host: HOST,
    cgroups: planCgroups(HOST.cgroups, undefined, "features"),
    sources: new Map(),
    stateDirectory: "/run/features",
    failureFile: "/run/features/failure",
    onFailure: [],
    ...(seccomp === undefined ? {} : { seccomp }),
  });
}

/** Objects are merged field by field; anything else, arrays included, is replaced. */
function merge(base: Change, change: Change): Change {
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(change)) {
    const old = merged[name];
    merged[name] = isObject(old) && isObject(value) ? merge(old, value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is Change {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
