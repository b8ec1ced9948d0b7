/**
 * The only door to Linux: what the kernel tells about this machine and its processes, where Corten's helper
 * programs are, and which directories are its own. Everything here is cheap enough for the path of a start:
 * a fact is read once, from one file.
 */

// Values of this room, published as they land: see the signatures.
//   hostFacts(): HostFacts                        // kernel, uid, capabilities, cgroups, mounts: read once per process
//   processStartTime(pid: number): number | undefined     // field 22 of /proc/PID/stat; undefined when gone or a zombie
//   isAlive(process: { pid: number; startTime: number }): boolean
//   programs(): { init: string; monitor: string; images: string }   // absolute paths; throws not-found naming the file
//   selfCommand(): readonly string[]               // argv that runs this program again: [corten] or [bun, src/cli/main.ts]
//   runDirectory(): string  dataDirectory(): string        // /run/corten, /var/lib/corten; rootless: XDG
//   ensurePrivateDirectory(path: string): void     // 0700, owned by us, not a symlink
//   acquireLock(file: string, options?: { timeoutMs?: number; signal?: AbortSignal }): Promise<Lock>   // stale-safe, AsyncDisposable
