import type { RuntimeBlockIO, RuntimeCpu, RuntimeMemory, RuntimeResources } from "../../spec/index.ts";
import { deviceWrites } from "./devices-v1.ts";
import { type CgroupPlan, groupOf } from "./layout.ts";
import { type CgroupLimits, type CgroupWrite, missingController, wrongVersion } from "./limit-write.ts";
import { pidsMax } from "./pids-max.ts";

const AT = "/linux/resources";

const ENOENT = 2;

/** Collects writes below the groups of the v1 controllers. */
class Writes {
  readonly list: CgroupWrite[] = [];
  readonly #plan: CgroupPlan;

  constructor(plan: CgroupPlan) {
    this.#plan = plan;
  }

  /**
   * Adds a write where `value` is set; `at` is the setting below /linux/resources, `preferred` another name of the file,
   * which is taken where it exists.
   */
  set(
    controller: string,
    file: string,
    value: number | string | undefined,
    at: string,
    ignore = 0,
    preferred?: string,
  ): void {
    if (value === undefined || value === "") return;
    const pointer = `${AT}${at}`;
    const group = groupOf(this.#plan, controller);
    if (group === undefined) throw missingController(controller, pointer);
    const data = `${value}`;
    const other = preferred === undefined ? {} : { preferred: { file: `${group.path}/${preferred}`, data } };
    this.list.push({ file: `${group.path}/${file}`, data, at: pointer, ignore, ...other });
  }
}

/** Limits by the files of cgroup v1 (Documentation/admin-guide/cgroup-v1). */
export function limitsV1(plan: CgroupPlan, resources: RuntimeResources): CgroupLimits {
  const writes = new Writes(plan);
  const warnings: string[] = [];
  if (Object.keys(resources.unified ?? {}).length > 0) {
    throw wrongVersion(`${AT}/unified`, "is for cgroup v2, and this host's controllers are on v1");
  }
  writes.list.push(...deviceWrites(plan, resources.devices));
  if (resources.memory !== undefined) memory(writes, resources.memory, warnings);
  if (resources.cpu !== undefined) cpu(writes, resources.cpu);
  const pids = resources.pids?.limit;
  if (pids !== undefined) writes.set("pids", "pids.max", pidsMax(pids), "/pids/limit");
  if (resources.blockIO !== undefined) blockIO(writes, resources.blockIO);
  for (const [index, { pageSize, limit }] of (resources.hugepageLimits ?? []).entries()) {
    const at = `/hugepageLimits/${index}`;
    writes.set("hugetlb", `hugetlb.${pageSize}.limit_in_bytes`, limit, at);
    // Since 5.7 what is reserved is counted by itself; a limit of that alone ends in an error and not in SIGBUS.
    writes.set("hugetlb", `hugetlb.${pageSize}.rsvd.limit_in_bytes`, limit, at, ENOENT);
  }
  writes.set("net_cls", "net_cls.classid", resources.network?.classID, "/network/classID");
  for (const [index, { name, priority }] of (resources.network?.priorities ?? []).entries()) {
    writes.set("net_prio", "net_prio.ifpriomap", `${name} ${priority}`, `/network/priorities/${index}`);
  }
  for (const [device, limits] of Object.entries(resources.rdma ?? {})) {
    const { hcaHandles = "max", hcaObjects = "max" } = limits;
    writes.set("rdma", "rdma.max", `${device} hca_handle=${hcaHandles} hca_object=${hcaObjects}`, "/rdma");
  }
  return { writes: writes.list, warnings };
}

function memory(writes: Writes, limits: RuntimeMemory, warnings: string[]): void {
  const set = (file: string, value: number | undefined, name: string) =>
    writes.set("memory", file, value, `/memory/${name}`);
  // A new group is unlimited, and the kernel demands limit <= memsw: the limit first, then both together.
  set("memory.limit_in_bytes", limits.limit === 0 ? undefined : limits.limit, "limit");
  // Without a limit of memory there is none of both together, unless one is given.
  const both = (limits.swap ?? 0) === 0 && (limits.limit ?? 0) < 0 ? -1 : (limits.swap ?? 0);
  // A kernel without swap accounting has no such file; where both are one, or none is limited, nothing is lost.
  writes.set(
    "memory",
    "memory.memsw.limit_in_bytes",
    both === 0 ? undefined : both,
    "/memory/swap",
    both === limits.limit ? ENOENT : 0,
  );
  set("memory.soft_limit_in_bytes", limits.reservation === 0 ? undefined : limits.reservation, "reservation");
  if (limits.kernel !== undefined && limits.kernel !== 0) {
    warnings.push(`${AT}/memory/kernel is left out: kernels since 5.16 have no such limit`);
  }
  set("memory.kmem.tcp.limit_in_bytes", limits.kernelTCP === 0 ? undefined : limits.kernelTCP, "kernelTCP");
  if (limits.swappiness !== undefined && limits.swappiness > 100) {
    throw wrongVersion(`${AT}/memory/swappiness`, `must be from 0 to 100, not ${limits.swappiness}`);
  }
  set("memory.swappiness", limits.swappiness, "swappiness");
  if (limits.disableOOMKiller === true) set("memory.oom_control", 1, "disableOOMKiller");
}

function cpu(writes: Writes, limits: RuntimeCpu): void {
  const set = (file: string, name: keyof RuntimeCpu) => {
    const value = limits[name];
    writes.set(
      "cpu",
      file,
      value === 0 && name !== "idle" && name !== "burst" ? undefined : value,
      `/cpu/${name}`,
    );
  };
  set("cpu.shares", "shares");
  // The period bounds what the runtime or quota may be, so it comes first.
  set("cpu.rt_period_us", "realtimePeriod");
  set("cpu.rt_runtime_us", "realtimeRuntime");
  set("cpu.cfs_period_us", "period");
  set("cpu.cfs_quota_us", "quota");
  set("cpu.cfs_burst_us", "burst");
  set("cpu.idle", "idle");
  writes.set("cpuset", "cpuset.cpus", limits.cpus, "/cpu/cpus");
  writes.set("cpuset", "cpuset.mems", limits.mems, "/cpu/mems");
}

function blockIO(writes: Writes, limits: RuntimeBlockIO): void {
  const set = (file: string, value: number | string | undefined, at: string) =>
    writes.set("blkio", file, value, `/blockIO/${at}`);
  // Since 5.0 weights are BFQ's alone and have its name.
  const weigh = (file: string, value: number | string | undefined, at: string) =>
    writes.set("blkio", `blkio.${file}`, value, `/blockIO/${at}`, 0, `blkio.bfq.${file}`);
  weigh("weight", limits.weight === 0 ? undefined : limits.weight, "weight");
  set("blkio.leaf_weight", limits.leafWeight === 0 ? undefined : limits.leafWeight, "leafWeight");
  for (const [index, { major, minor, weight, leafWeight }] of (limits.weightDevice ?? []).entries()) {
    const device = `${major}:${minor}`;
    if (weight !== undefined) weigh("weight_device", `${device} ${weight}`, `weightDevice/${index}`);
    if (leafWeight !== undefined) {
      set("blkio.leaf_weight_device", `${device} ${leafWeight}`, `weightDevice/${index}`);
    }
  }
  const throttles = [
    ["throttleReadBpsDevice", "read_bps"],
    ["throttleWriteBpsDevice", "write_bps"],
    ["throttleReadIOPSDevice", "read_iops"],
    ["throttleWriteIOPSDevice", "write_iops"],
  ] as const;
  for (const [name, file] of throttles) {
    for (const [index, { major, minor, rate }] of (limits[name] ?? []).entries()) {
      set(`blkio.throttle.${file}_device`, `${major}:${minor} ${rate}`, `${name}/${index}`);
    }
  }
}
