import type { CgroupDirectory } from "./control.ts";
import { statisticsV1 } from "./statistics-v1.ts";
import { statisticsV2 } from "./statistics-v2.ts";

export interface MemoryEntry {
  /** Bytes; 2^64-1 rounds to 18446744073709552000 and stands for none. */
  readonly limit: number;
  readonly usage: number;
  readonly max: number;
  readonly failcnt: number;
}

/** What one device did, of one kind of operation. */
export interface BlockEntry {
  readonly major: number;
  readonly minor: number;
  readonly op: string;
  readonly value: number;
}

/** Share of time in which tasks waited, in percent, over 10, 60 and 300 seconds; total in microseconds. */
export interface PressureLine {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly total: number;
}

export interface Pressure {
  readonly some: PressureLine;
  readonly full: PressureLine;
}

/** What a container has used so far, in the shape that runc prints (types/events.go). Times are nanoseconds. */
export interface ContainerStatistics {
  readonly cpu: {
    readonly usage: {
      readonly total: number;
      readonly percpu?: readonly number[];
      readonly kernel: number;
      readonly user: number;
    };
    readonly throttling: {
      readonly periods: number;
      readonly throttledPeriods: number;
      readonly throttledTime: number;
    };
    readonly psi?: Pressure;
  };
  readonly cpuset: { readonly cpus: readonly number[]; readonly mems: readonly number[] };
  readonly memory: {
    readonly cache: number;
    readonly usage: MemoryEntry;
    readonly swap: MemoryEntry;
    readonly kernel: MemoryEntry;
    readonly kernelTCP: MemoryEntry;
    readonly raw: Readonly<Record<string, number>>;
    readonly psi?: Pressure;
  };
  readonly pids: { readonly current: number; readonly limit: number };
  readonly blkio: {
    readonly ioServiceBytesRecursive: readonly BlockEntry[];
    readonly ioServicedRecursive: readonly BlockEntry[];
    readonly psi?: Pressure;
  };
  readonly hugetlb: Readonly<
    Record<string, { readonly usage: number; readonly max: number; readonly failcnt: number }>
  >;
}

/** Reads the files of a container's control groups. What a host does not count is 0. */
export function readStatistics(groups: readonly CgroupDirectory[]): ContainerStatistics {
  const unified = groups.find(({ version }) => version === 2);
  const onlyUnified = groups.every(({ version }) => version === 2);
  return unified !== undefined && onlyUnified ? statisticsV2(unified.path) : statisticsV1(groups);
}
