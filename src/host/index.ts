/**
 * The only door to Linux: what the kernel tells about this machine and its processes, where Corten's helper
 * programs are, and which directories are its own. Everything here is cheap enough for the path of a start:
 * a fact is read once, from one file.
 */

export type { CgroupFacts, CgroupHierarchy } from "./cgroup-facts.ts";
export { readCgroupFacts } from "./cgroup-facts.ts";
export type { DirectoryOptions } from "./directories.ts";
export { dataDirectory, ensurePrivateDirectory, runDirectory } from "./directories.ts";
export { bytesOnDisk } from "./disk-usage.ts";
export { examineHost } from "./examination/examine.ts";
export type { Finding } from "./examination/finding.ts";
export type { HostFacts } from "./facts.ts";
export { hostFacts, readHostFacts } from "./facts.ts";
export { findProgram } from "./host-program.ts";
export type { Kernel } from "./kernel.ts";
export { kernelAtLeast, parseKernelRelease, readKernel } from "./kernel.ts";
export type { Lock, LockOptions } from "./lock.ts";
export { acquireLock, isLocked, removeAbandonedLock, tryLock } from "./lock.ts";
export type { MountEntry } from "./mount-table.ts";
export { mountOf, parseMountTable } from "./mount-table.ts";
export { pause } from "./pause.ts";
export type { ProcessIdentity, ProcessStat } from "./process-table.ts";
export {
  formatIdentity,
  isAlive,
  parseIdentity,
  processStartTime,
  readProcessStat,
  selfIdentity,
} from "./process-table.ts";
export { findInPath } from "./program-in-path.ts";
export type { Programs } from "./programs.ts";
export { programs, requireProgram, selfCommand } from "./programs.ts";
export type { SecurityModules } from "./security-modules.ts";
export { readSecurityModules } from "./security-modules.ts";
export type { SubordinateRange } from "./subordinate-ids.ts";
export { parseSubordinateRanges, readSubordinateRanges } from "./subordinate-ids.ts";
export { userNames } from "./user-names.ts";
export type { UserNamespaceFacts } from "./user-namespace.ts";
