/**
 * config.json of the OCI runtime specification, versions 1.0 to 1.3, for Linux. Field names and units are the
 * specification's own; every optional field may be absent, never null once `parseConfig` has read the document.
 */

/** The whole document. */
export interface RuntimeConfig {
  readonly ociVersion: string;
  readonly process?: RuntimeProcess;
  readonly root?: RuntimeRoot;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts?: readonly RuntimeMount[];
  readonly hooks?: RuntimeHooks;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux?: RuntimeLinux;
}

export interface RuntimeRoot {
  /** Absolute, or relative to the bundle. */
  readonly path: string;
  readonly readonly?: boolean;
}

export interface RuntimeMount {
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
  readonly options?: readonly string[];
  readonly uidMappings?: readonly RuntimeIdMapping[];
  readonly gidMappings?: readonly RuntimeIdMapping[];
}

export interface RuntimeIdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export interface RuntimeProcess {
  readonly terminal?: boolean;
  /** Characters, not pixels. */
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly user: RuntimeUser;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  readonly cwd: string;
  readonly capabilities?: RuntimeCapabilities;
  readonly rlimits?: readonly RuntimeRlimit[];
  readonly noNewPrivileges?: boolean;
  readonly oomScoreAdj?: number;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  readonly scheduler?: RuntimeScheduler;
  readonly ioPriority?: { readonly class: string; readonly priority?: number };
  readonly execCPUAffinity?: { readonly initial?: string; readonly final?: string };
}

export interface RuntimeUser {
  readonly uid: number;
  readonly gid: number;
  readonly umask?: number;
  /** For Windows; Linux knows users by number. */
  readonly username?: string;
  readonly additionalGids?: readonly number[];
}

/** Names as in capabilities(7), e.g. `CAP_NET_ADMIN`. */
export interface RuntimeCapabilities {
  readonly bounding?: readonly string[];
  readonly effective?: readonly string[];
  readonly inheritable?: readonly string[];
  readonly permitted?: readonly string[];
  readonly ambient?: readonly string[];
}

export interface RuntimeRlimit {
  /** `RLIMIT_NOFILE` and the like. */
  readonly type: string;
  readonly soft: number;
  readonly hard: number;
}

export interface RuntimeScheduler {
  readonly policy: string;
  readonly nice?: number;
  readonly priority?: number;
  readonly flags?: readonly string[];
  readonly runtime?: number;
  readonly deadline?: number;
  readonly period?: number;
}

export interface RuntimeHook {
  /** Absolute. */
  readonly path: string;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  /** Seconds. */
  readonly timeout?: number;
}

export interface RuntimeHooks {
  /** Deprecated by the specification, still used for network set-up. */
  readonly prestart?: readonly RuntimeHook[];
  readonly createRuntime?: readonly RuntimeHook[];
  readonly createContainer?: readonly RuntimeHook[];
  readonly startContainer?: readonly RuntimeHook[];
  readonly poststart?: readonly RuntimeHook[];
  readonly poststop?: readonly RuntimeHook[];
}

export type RuntimeNamespaceType = "pid" | "network" | "mount" | "ipc" | "uts" | "user" | "cgroup" | "time";

export interface RuntimeNamespace {
  readonly type: RuntimeNamespaceType;
  /** A namespace file to join; absent: a new namespace. */
  readonly path?: string;
}

export interface RuntimeDevice {
  readonly path: string;
  /** c and u: character, b: block, p: FIFO. */
  readonly type: "c" | "u" | "b" | "p";
  readonly major?: number;
  readonly minor?: number;
  /** Permission bits. */
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** `linux.intelRdt` of 1.3, and the two flags of 1.1 and 1.2. */
export interface RuntimeIntelRdt {
  readonly closID?: string;
  readonly schemata?: readonly string[];
  readonly l3CacheSchema?: string;
  readonly memBwSchema?: string;
  readonly enableMonitoring?: boolean;
  readonly enableCMT?: boolean;
  readonly enableMBM?: boolean;
}

export interface RuntimeLinux {
  readonly uidMappings?: readonly RuntimeIdMapping[];
  readonly gidMappings?: readonly RuntimeIdMapping[];
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly resources?: RuntimeResources;
  readonly cgroupsPath?: string;
  readonly namespaces?: readonly RuntimeNamespace[];
  readonly devices?: readonly RuntimeDevice[];
  readonly seccomp?: RuntimeSeccomp;
  readonly rootfsPropagation?: string;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly mountLabel?: string;
  readonly intelRdt?: RuntimeIntelRdt;
  readonly personality?: { readonly domain: string; readonly flags?: readonly string[] };
  readonly timeOffsets?: Readonly<Record<string, { readonly secs?: number; readonly nanosecs?: number }>>;
  readonly netDevices?: Readonly<Record<string, { readonly name?: string }>>;
  readonly memoryPolicy?: RuntimeMemoryPolicy;
}

/** Where the kernel takes memory from, on machines with several nodes (set_mempolicy(2)). */
export interface RuntimeMemoryPolicy {
  /** `MPOL_BIND` and the like. */
  readonly mode: string;
  /** A list such as `0-3,7`. */
  readonly nodes?: string;
  readonly flags?: readonly string[];
}

/** Limits of the container's control group. */
export interface RuntimeResources {
  readonly devices?: readonly RuntimeDeviceRule[];
  readonly memory?: RuntimeMemory;
  readonly cpu?: RuntimeCpu;
  readonly pids?: RuntimePids;
  readonly blockIO?: RuntimeBlockIO;
  readonly hugepageLimits?: ReadonlyArray<{ readonly pageSize: string; readonly limit: number }>;
  readonly network?: {
    readonly classID?: number;
    readonly priorities?: ReadonlyArray<{ readonly name: string; readonly priority: number }>;
  };
  readonly rdma?: Readonly<Record<string, { readonly hcaHandles?: number; readonly hcaObjects?: number }>>;
  /** File name to content, written as it stands (cgroup v2). */
  readonly unified?: Readonly<Record<string, string>>;
}

export interface RuntimeDeviceRule {
  readonly allow: boolean;
  /** a: all, c: character, b: block. */
  readonly type?: "a" | "c" | "b";
  /** Absent or -1: any. */
  readonly major?: number;
  readonly minor?: number;
  /** Any of r, w and m. */
  readonly access?: string;
}

/** Bytes; -1 removes a limit. */
export interface RuntimeMemory {
  readonly limit?: number;
  readonly reservation?: number;
  /** Memory and swap together. */
  readonly swap?: number;
  readonly kernel?: number;
  readonly kernelTCP?: number;
  readonly swappiness?: number;
  readonly disableOOMKiller?: boolean;
  readonly useHierarchy?: boolean;
  readonly checkBeforeUpdate?: boolean;
}

/** Microseconds for quota, period, burst and the real-time pair. */
export interface RuntimeCpu {
  readonly shares?: number;
  readonly quota?: number;
  readonly burst?: number;
  readonly period?: number;
  readonly realtimeRuntime?: number;
  readonly realtimePeriod?: number;
  readonly cpus?: string;
  readonly mems?: string;
  /** 1: SCHED_IDLE. */
  readonly idle?: number;
}

export interface RuntimePids {
  /** 0 is a limit; negative: unlimited. */
  readonly limit?: number;
}

interface BlockDevice {
  readonly major: number;
  readonly minor: number;
}

export interface RuntimeBlockIO {
  readonly weight?: number;
  readonly leafWeight?: number;
  readonly weightDevice?: ReadonlyArray<
    BlockDevice & { readonly weight?: number; readonly leafWeight?: number }
  >;
  readonly throttleReadBpsDevice?: ReadonlyArray<BlockDevice & { readonly rate: number }>;
  readonly throttleWriteBpsDevice?: ReadonlyArray<BlockDevice & { readonly rate: number }>;
  readonly throttleReadIOPSDevice?: ReadonlyArray<BlockDevice & { readonly rate: number }>;
  readonly throttleWriteIOPSDevice?: ReadonlyArray<BlockDevice & { readonly rate: number }>;
}

export interface RuntimeSeccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly flags?: readonly string[];
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls?: readonly RuntimeSeccompRule[];
}

export interface RuntimeSeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly RuntimeSeccompArgument[];
}

export interface RuntimeSeccompArgument {
  readonly index: number;
  /** 64 bits, unsigned. Above 2^53 decimal text, as a number would lose digits. */
  readonly value: number | string;
  readonly valueTwo?: number | string;
  readonly op: string;
}

export type RuntimeStatus = "creating" | "created" | "running" | "paused" | "stopped";

/** The state of a container (runtime-spec, runtime.md "State"), as hooks read it and `state` prints it. */
export interface RuntimeState {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: RuntimeStatus;
  /** In the host's PID namespace; absent when there is no process. */
  readonly pid?: number;
  /** Absolute. */
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
}
