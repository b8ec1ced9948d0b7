import {
  CortenError,
  type RuntimeBlockIO,
  type RuntimeCpu,
  type RuntimeMemory,
  type RuntimeResources,
} from "../../spec/index.ts";
import { type CgroupPlan, unifiedGroup } from "./layout.ts";
import { type CgroupLimits, type CgroupWrite, missingController, wrongVersion } from "./limit-write.ts";

const AT = "/linux/resources";

/** cpu.shares [2, 262144] as cpu.weight [1, 10000], by the curve that keeps 1024 ↔ 100 and both ends. */
export function cpuWeight(shares: number): number {
  const clamped = Math.min(Math.max(shares, 2), 262_144);
  const log = Math.log2(clamped);
  const exponent = (log * log + 125 * log) / 612 - 7 / 34;
  return Math.min(Math.max(Math.ceil(10 ** exponent), 1), 10_000);
}

/** blkio weight [10, 1000] as io.weight [1, 10000], linear. */
export function ioWeight(weight: number): number {
  return Math.floor(1 + ((weight - 10) * 9999) / 990);
}

/** A limit of cgroup v2: "max" for none. */
function limit(value: number | undefined): string | undefined {
  if (value === undefined || value === 0) return undefined;
  return value < 0 ? "max" : `${value}`;
}

type Set = (file: string, value: number | string | undefined, at: string) => void;

/** Limits by the files of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst). */
export function limitsV2(plan: CgroupPlan, resources: RuntimeResources): CgroupLimits {
  const warnings: string[] = [];
  const writes: CgroupWrite[] = [];
  const group = unifiedGroup(plan);
  const set: Set = (file, value, at) => {
    if (value === undefined || value === "") return;
    if (group === undefined) throw missingController(file.split(".")[0]!, `${AT}${at}`);
    writes.push({ file: `${group.path}/${file}`, data: `${value}`, at: `${AT}${at}`, ignore: 0 });
  };
  refuseV1Only(resources);
  const pids = resources.pids?.limit;
  if (pids !== undefined) set("pids.max", pids < 0 ? "max" : pids, "/pids/limit");
  if (resources.memory !== undefined) memory(set, resources.memory, warnings);
  if (resources.blockIO !== undefined) blockIO(set, resources.blockIO);
  if (resources.cpu !== undefined) cpu(set, resources.cpu);
  for (const [index, { pageSize, limit: bytes }] of (resources.hugepageLimits ?? []).entries()) {
    set(`hugetlb.${pageSize}.max`, bytes, `/hugepageLimits/${index}`);
  }
  for (const [device, { hcaHandles = "max", hcaObjects = "max" }] of Object.entries(resources.rdma ?? {})) {
    set("rdma.max", `${device} hca_handle=${hcaHandles} hca_object=${hcaObjects}`, "/rdma");
  }
  for (const [file, value] of Object.entries(resources.unified ?? {})) {
    if (!/^[a-z0-9_]+(?:\.[A-Za-z0-9_]+)+$/.test(file)) {
      throw wrongVersion(`${AT}/unified`, `"${file.slice(0, 60)}" is no name of a control group file`);
    }
    set(file, value, "/unified");
  }
  return { writes, warnings };
}

function refuseV1Only({ network, devices, memory: limits, cpu: times }: RuntimeResources): void {
  if ((devices ?? []).length > 0) {
    throw new CortenError(
      "unimplemented",
      `config.json: ${AT}/devices: device rules on a host that has only cgroup v2 are not supported`,
      { pointer: `${AT}/devices`, hint: "on cgroup v2 they take an eBPF program" },
    );
  }
  if (network?.classID !== undefined) throw wrongVersion(`${AT}/network/classID`, "exists on cgroup v1 only");
  if ((network?.priorities ?? []).length > 0) {
    throw wrongVersion(`${AT}/network/priorities`, "exists on cgroup v1 only");
  }
  if (limits?.swappiness !== undefined)
    throw wrongVersion(`${AT}/memory/swappiness`, "exists on cgroup v1 only");
  if (limits?.disableOOMKiller === true) {
    throw wrongVersion(`${AT}/memory/disableOOMKiller`, "exists on cgroup v1 only");
  }
  for (const name of ["realtimeRuntime", "realtimePeriod"] as const) {
    if ((times?.[name] ?? 0) !== 0) throw wrongVersion(`${AT}/cpu/${name}`, "exists on cgroup v1 only");
  }
}

function memory(set: Set, limits: RuntimeMemory, warnings: string[]): void {
  for (const name of ["kernel", "kernelTCP"] as const) {
    if ((limits[name] ?? 0) !== 0)
      warnings.push(`${AT}/memory/${name} is left out: cgroup v2 has no such limit`);
  }
  set("memory.low", limit(limits.reservation), "/memory/reservation");
  set("memory.max", limit(limits.limit), "/memory/limit");
  const { swap, limit: bytes = 0 } = limits;
  if (swap !== undefined && swap !== 0) {
    set("memory.swap.max", swap < 0 ? "max" : swap - bytes, "/memory/swap");
  }
}

function cpu(set: Set, limits: RuntimeCpu): void {
  const { shares = 0, quota = 0, period = 0, idle } = limits;
  set("cpu.idle", idle, "/cpu/idle");
  // A group of SCHED_IDLE has no weight that could be set.
  if (shares !== 0 && idle !== 1) set("cpu.weight", cpuWeight(shares), "/cpu/shares");
  if (quota !== 0 || period !== 0) {
    const amount = quota > 0 ? `${quota}` : "max";
    set("cpu.max", period === 0 ? amount : `${amount} ${period}`, quota === 0 ? "/cpu/period" : "/cpu/quota");
  }
  set("cpu.max.burst", limits.burst, "/cpu/burst");
  set("cpuset.cpus", limits.cpus, "/cpu/cpus");
  set("cpuset.mems", limits.mems, "/cpu/mems");
}

function blockIO(set: Set, limits: RuntimeBlockIO): void {
  if (limits.weight !== undefined && limits.weight !== 0) {
    set("io.weight", `default ${ioWeight(limits.weight)}`, "/blockIO/weight");
  }
  for (const [index, { major, minor, weight }] of (limits.weightDevice ?? []).entries()) {
    if (weight !== undefined)
      set("io.weight", `${major}:${minor} ${ioWeight(weight)}`, `/blockIO/weightDevice/${index}`);
  }
  const throttles = [
    ["throttleReadBpsDevice", "rbps"],
    ["throttleWriteBpsDevice", "wbps"],
    ["throttleReadIOPSDevice", "riops"],
    ["throttleWriteIOPSDevice", "wiops"],
  ] as const;
  for (const [name, key] of throttles) {
    for (const [index, { major, minor, rate }] of (limits[name] ?? []).entries()) {
      set("io.max", `${major}:${minor} ${key}=${rate}`, `/blockIO/${name}/${index}`);
    }
  }
}

/** The controllers that the limits need, to be enabled in each ancestor's cgroup.subtree_control. */
export function neededControllers(limits: CgroupLimits): string[] {
  const names = limits.writes.map(({ file }) => file.slice(file.lastIndexOf("/") + 1).split(".")[0]!);
  return [...new Set(names)].filter((name) => name !== "cgroup");
}
