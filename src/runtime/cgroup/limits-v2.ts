import type { RuntimeBlockIO, RuntimeCpu, RuntimeMemory, RuntimeResources } from "../../spec/index.ts";
import { compileDeviceRules } from "./device-program.ts";
import { type CgroupPlan, unifiedGroup } from "./layout.ts";
import { type CgroupLimits, type CgroupWrite, missingController, wrongVersion } from "./limit-write.ts";
import { pidsMax } from "./pids-max.ts";

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

/** ENOENT: a kernel without the file cannot limit, which is what this value asks for or comes to. */
const ENOENT = 2;

type Set = (
  file: string,
  value: number | string | undefined,
  at: string,
  more?: Partial<CgroupWrite>,
) => void;

/** Limits by the files of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst). */
export function limitsV2(plan: CgroupPlan, resources: RuntimeResources): CgroupLimits {
  const warnings: string[] = [];
  const writes: CgroupWrite[] = [];
  const group = unifiedGroup(plan);
  const set: Set = (file, value, at, more) => {
    if (value === undefined || value === "") return;
    if (group === undefined) throw missingController(file.split(".")[0]!, `${AT}${at}`);
    writes.push({ file: `${group.path}/${file}`, data: `${value}`, at: `${AT}${at}`, ignore: 0, ...more });
  };
  refuseV1Only(resources);
  const pids = resources.pids?.limit;
  if (pids !== undefined) set("pids.max", pidsMax(pids), "/pids/limit");
  if (resources.memory !== undefined) memory(set, resources.memory, warnings);
  if (resources.blockIO !== undefined) blockIO(set, resources.blockIO, group?.path ?? "");
  if (resources.cpu !== undefined) cpu(set, resources.cpu);
  for (const [index, { pageSize, limit: bytes }] of (resources.hugepageLimits ?? []).entries()) {
    set(`hugetlb.${pageSize}.max`, bytes, `/hugepageLimits/${index}`);
    // Since 5.7 what is reserved is counted by itself; a limit of that alone ends in an error and not in SIGBUS.
    set(`hugetlb.${pageSize}.rsvd.max`, bytes, `/hugepageLimits/${index}`, { ignore: ENOENT });
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
  const deviceFilter = compileDeviceRules(resources.devices);
  return { writes, warnings, ...(deviceFilter === undefined ? {} : { deviceFilter }) };
}

function refuseV1Only({ network, memory: limits, cpu: times, blockIO: io }: RuntimeResources): void {
  if (network?.classID !== undefined) throw wrongVersion(`${AT}/network/classID`, "exists on cgroup v1 only");
  if ((network?.priorities ?? []).length > 0) {
    throw wrongVersion(`${AT}/network/priorities`, "exists on cgroup v1 only");
  }
  if (limits?.swappiness !== undefined)
    throw wrongVersion(`${AT}/memory/swappiness`, "exists on cgroup v1 only");
  if (limits?.disableOOMKiller === true) {
    throw wrongVersion(`${AT}/memory/disableOOMKiller`, "exists on cgroup v1 only");
  }
  const devices = io?.weightDevice ?? [];
  if ((io?.leafWeight ?? 0) !== 0 || devices.some(({ leafWeight = 0 }) => leafWeight !== 0)) {
    throw wrongVersion(`${AT}/blockIO/leafWeight`, "exists on cgroup v1 only");
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
  const { limit: bytes = 0 } = limits;
  // Without a limit of memory there is none of both together, unless one is given.
  const swap = (limits.swap ?? 0) === 0 && bytes < 0 ? -1 : (limits.swap ?? 0);
  if (swap === 0) return;
  // A kernel without swap accounting has no such file; where nothing is to be swapped, or all may be, none is missed.
  const ignore = swap < 0 || swap === bytes ? ENOENT : 0;
  set("memory.swap.max", swap < 0 ? "max" : swap - bytes, "/memory/swap", { ignore });
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

function blockIO(set: Set, limits: RuntimeBlockIO, group: string): void {
  // Two schedulers take weights: BFQ those of v1 as they are, io.cost on a scale of its own.
  const weigh = (target: string, weight: number, at: string) =>
    set("io.weight", `${target} ${ioWeight(weight)}`, at, {
      preferred: { file: `${group}/io.bfq.weight`, data: `${target} ${weight}` },
    });
  if (limits.weight !== undefined && limits.weight !== 0) weigh("default", limits.weight, "/blockIO/weight");
  for (const [index, { major, minor, weight }] of (limits.weightDevice ?? []).entries()) {
    if (weight !== undefined && weight !== 0) {
      weigh(`${major}:${minor}`, weight, `/blockIO/weightDevice/${index}`);
    }
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
