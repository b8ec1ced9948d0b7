import { readFileSync } from "node:fs";

/** The running kernel, as uname(2) names it. */
export interface Kernel {
  readonly release: string;
  readonly major: number;
  readonly minor: number;
}

/** Reads `6.18.44-foo` as version 6.18; what cannot be read counts as 0.0, the oldest. */
export function parseKernelRelease(text: string): Kernel {
  const match = /^(\d+)\.(\d+)/.exec(text);
  return { release: text, major: Number(match?.[1] ?? 0), minor: Number(match?.[2] ?? 0) };
}

/** True when the kernel is of that version or newer. */
export function kernelAtLeast(kernel: Kernel, major: number, minor: number): boolean {
  return kernel.major > major || (kernel.major === major && kernel.minor >= minor);
}

export function readKernel(): Kernel {
  return parseKernelRelease(readFileSync("/proc/sys/kernel/osrelease", "latin1").trim());
}
