import { readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostFacts } from "../../host/index.ts";
import { CortenError, type RuntimeConfig, type RuntimeIntelRdt } from "../../spec/index.ts";
import { ROOT_GROUP } from "../config/intel-rdt.ts";
import { type RdtGroups, rdtGroupName } from "../plan/intel-rdt.ts";
import { type ResctrlFacts, schemataWrites } from "../plan/rdt-schemata.ts";

/** What this host's resctrl says to a configuration that asks for it; undefined without either. */
export function readResctrl(
  { linux }: RuntimeConfig,
  id: string,
  mounts: HostFacts["mounts"],
): ResctrlFacts | undefined {
  if (linux?.intelRdt === undefined) return undefined;
  const mount = mounts.find(({ type, root }) => type === "resctrl" && root === "/");
  return mount === undefined ? undefined : resctrlAt(mount.mountpoint, linux.intelRdt, id);
}

/** The same for a file system whose place is known. */
export function resctrlAt(mountpoint: string, rdt: RuntimeIntelRdt, id: string): ResctrlFacts {
  const name = rdtGroupName(rdt, id);
  const group = name === ROOT_GROUP ? mountpoint : join(mountpoint, name);
  const schemata = readIfThere(join(group, "schemata"));
  return {
    mountpoint,
    resources: namesIn(join(mountpoint, "info")),
    monitored: (readIfThere(join(mountpoint, "info/L3_MON/mon_features")) ?? "").split(/\s+/).filter(Boolean),
    ...(schemata === undefined ? {} : { schemata }),
  };
}

/** Divides cache and bandwidth of a container's group anew. */
export function updateRdt(
  groups: RdtGroups | undefined,
  change: Pick<RuntimeIntelRdt, "l3CacheSchema" | "memBwSchema">,
): void {
  if (groups === undefined) {
    throw new CortenError("failed-precondition", "the container has no group of resctrl", {
      hint: "give it one when it is made: linux.intelRdt in config.json",
    });
  }
  for (const { data } of schemataWrites(change, groups.group, {})) {
    const file = join(groups.group, "schemata");
    try {
      writeFileSync(file, data, { flag: "r+" });
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new CortenError(
        "failed-precondition",
        `cannot write ${JSON.stringify(data)} to ${file}: ${code}`,
        {
          hint: "see info/last_cmd_status of the resctrl file system",
          cause,
        },
      );
    }
  }
}

/** Removes what is a container's own. What is gone already is fine. */
export function removeRdt(groups: RdtGroups | undefined): void {
  for (const path of groups?.own ?? []) {
    try {
      rmdirSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
