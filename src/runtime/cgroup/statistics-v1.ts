import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type CgroupDirectory, readKnob } from "./control.ts";
import { flatKeyed, knobNumber, numberList } from "./knob-format.ts";
import type { BlockEntry, ContainerStatistics, MemoryEntry } from "./statistics.ts";
import { withoutMax } from "./statistics-v2.ts";

/** Nanoseconds of a tick, of which user space always sees a hundred a second. */
const TICK = 10_000_000;

/** Statistics from the groups of cgroup v1. */
export function statisticsV1(groups: readonly CgroupDirectory[]): ContainerStatistics {
  const pathOf = (controller: string) =>
    groups.find(({ controllers }) => controllers.includes(controller))?.path;
  const text = (controller: string, file: string) => {
    const path = pathOf(controller);
    return path === undefined ? undefined : readKnob(join(path, `${controller}.${file}`));
  };
  const number = (controller: string, file: string) => knobNumber(text(controller, file));
  const throttling = flatKeyed(text("cpu", "stat"));
  const times = flatKeyed(text("cpuacct", "stat"));
  const memory = flatKeyed(text("memory", "stat"));
  const entry = (prefix: string): MemoryEntry => ({
    limit: number("memory", `${prefix}limit_in_bytes`),
    usage: number("memory", `${prefix}usage_in_bytes`),
    max: number("memory", `${prefix}max_usage_in_bytes`),
    failcnt: number("memory", `${prefix}failcnt`),
  });
  return {
    cpu: {
      usage: {
        total: number("cpuacct", "usage"),
        percpu: (text("cpuacct", "usage_percpu") ?? "").trim().split(" ").filter(Boolean).map(Number),
        kernel: (times["system"] ?? 0) * TICK,
        user: (times["user"] ?? 0) * TICK,
      },
      throttling: {
        periods: throttling["nr_periods"] ?? 0,
        throttledPeriods: throttling["nr_throttled"] ?? 0,
        throttledTime: throttling["throttled_time"] ?? 0,
      },
    },
    cpuset: {
      cpus: numberList(text("cpuset", "effective_cpus")),
      mems: numberList(text("cpuset", "effective_mems")),
    },
    memory: {
      cache: memory["cache"] ?? 0,
      usage: entry(""),
      swap: entry("memsw."),
      kernel: entry("kmem."),
      kernelTCP: entry("kmem.tcp."),
      raw: memory,
    },
    pids: { current: number("pids", "current"), limit: withoutMax(text("pids", "max")) },
    blkio: {
      ioServiceBytesRecursive: entries(blkio(text, "io_service_bytes_recursive")),
      ioServicedRecursive: entries(blkio(text, "io_serviced_recursive")),
    },
    hugetlb: hugetlb(pathOf("hugetlb")),
  };
}

/** BFQ's own counters where it schedules, else those of throttling, which see every request. */
function blkio(
  text: (controller: string, file: string) => string | undefined,
  file: string,
): string | undefined {
  const scheduled = text("blkio", `bfq.${file}`);
  return /^\d+:\d+/m.test(scheduled ?? "") ? scheduled : text("blkio", `throttle.${file}`);
}

/** Lines of `MAJOR:MINOR OPERATION NUMBER`; the sum at the end has no device. */
function entries(text: string | undefined): BlockEntry[] {
  return (text ?? "").split("\n").flatMap((line) => {
    const match = /^(\d+):(\d+) (\w+) (\d+)$/.exec(line);
    if (match === null) return [];
    const [, major, minor, op = "", value] = match;
    return [{ major: Number(major), minor: Number(minor), op, value: Number(value) }];
  });
}

function hugetlb(path: string | undefined): ContainerStatistics["hugetlb"] {
  if (path === undefined) return {};
  const sizes = readdirSync(path).flatMap(
    (name) => /^hugetlb\.([^.]+)\.usage_in_bytes$/.exec(name)?.[1] ?? [],
  );
  const number = (size: string, file: string) => knobNumber(readKnob(join(path, `hugetlb.${size}.${file}`)));
  return Object.fromEntries(
    sizes.map((size) => [
      size,
      {
        usage: number(size, "usage_in_bytes"),
        max: number(size, "max_usage_in_bytes"),
        failcnt: number(size, "failcnt"),
      },
    ]),
  );
}
