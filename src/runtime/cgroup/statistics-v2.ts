import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readKnob } from "./control.ts";
import { flatKeyed, knobNumber, nestedKeyed, numberList } from "./knob-format.ts";
import type { BlockEntry, ContainerStatistics, MemoryEntry, Pressure, PressureLine } from "./statistics.ts";

const MICROSECOND = 1000;

/** Statistics from one group of cgroup v2. */
export function statisticsV2(path: string): ContainerStatistics {
  const text = (file: string) => readKnob(join(path, file));
  const number = (file: string) => knobNumber(text(file));
  const cpu = flatKeyed(text("cpu.stat"));
  const memory = flatKeyed(text("memory.stat"));
  const events = flatKeyed(text("memory.events"));
  const io = nestedKeyed(text("io.stat"));
  const none: MemoryEntry = { limit: 0, usage: 0, max: 0, failcnt: 0 };
  const [used, swapped] = [number("memory.current"), number("memory.swap.current")];
  const [limit, swapLimit] = [number("memory.max"), number("memory.swap.max")];
  return {
    cpu: {
      usage: {
        total: (cpu["usage_usec"] ?? 0) * MICROSECOND,
        kernel: (cpu["system_usec"] ?? 0) * MICROSECOND,
        user: (cpu["user_usec"] ?? 0) * MICROSECOND,
      },
      throttling: {
        periods: cpu["nr_periods"] ?? 0,
        throttledPeriods: cpu["nr_throttled"] ?? 0,
        throttledTime: (cpu["throttled_usec"] ?? 0) * MICROSECOND,
      },
      ...pressure(text("cpu.pressure")),
    },
    cpuset: {
      cpus: numberList(text("cpuset.cpus.effective")),
      mems: numberList(text("cpuset.mems.effective")),
    },
    memory: {
      cache: memory["file"] ?? 0,
      usage: { limit, usage: used, max: number("memory.peak"), failcnt: events["max"] ?? 0 },
      // As on v1, memory and swap together: readers subtract.
      swap: { limit: limit + swapLimit, usage: used + swapped, max: 0, failcnt: 0 },
      kernel: { ...none, usage: memory["kernel"] ?? 0 },
      kernelTCP: { ...none, usage: memory["sock"] ?? 0 },
      raw: memory,
      ...pressure(text("memory.pressure")),
    },
    pids: { current: number("pids.current"), limit: withoutMax(text("pids.max")) },
    blkio: {
      ioServiceBytesRecursive: entries(io, [
        ["Read", "rbytes"],
        ["Write", "wbytes"],
      ]),
      ioServicedRecursive: entries(io, [
        ["Read", "rios"],
        ["Write", "wios"],
      ]),
      ...pressure(text("io.pressure")),
    },
    hugetlb: hugetlb(path, text),
  };
}

/** pids.max, where 0 stands for none. */
export function withoutMax(text: string | undefined): number {
  return text?.trim() === "max" ? 0 : knobNumber(text);
}

function entries(
  io: ReturnType<typeof nestedKeyed>,
  operations: ReadonlyArray<readonly [op: string, name: string]>,
): BlockEntry[] {
  return [...io].flatMap(([device, values]) => {
    const [major = 0, minor = 0] = device.split(":").map(Number);
    return operations.map(([op, name]) => ({ major, minor, op, value: values[name] ?? 0 }));
  });
}

function pressure(text: string | undefined): { readonly psi?: Pressure } {
  const lines = nestedKeyed(text);
  const line = (name: string): PressureLine => {
    const { avg10 = 0, avg60 = 0, avg300 = 0, total = 0 } = lines.get(name) ?? {};
    return { avg10, avg60, avg300, total };
  };
  return lines.size === 0 ? {} : { psi: { some: line("some"), full: line("full") } };
}

function hugetlb(path: string, text: (file: string) => string | undefined): ContainerStatistics["hugetlb"] {
  const sizes = readdirSync(path).flatMap((name) => /^hugetlb\.([^.]+)\.current$/.exec(name)?.[1] ?? []);
  return Object.fromEntries(
    sizes.map((size) => [
      size,
      {
        usage: knobNumber(text(`hugetlb.${size}.current`)),
        max: 0,
        failcnt: flatKeyed(text(`hugetlb.${size}.events`))["max"] ?? 0,
      },
    ]),
  );
}
