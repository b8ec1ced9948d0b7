import {
  absolutePath,
  type Check,
  configFault,
  exact64,
  flag,
  int64,
  integer,
  list,
  map,
  matching,
  nonEmpty,
  object,
  oneOf,
  shown,
  text,
  uint16,
  uint32,
  uint64,
} from "./check.ts";
import { intelRdtCheck } from "./intel-rdt.ts";
import { OTHER_SYSTEMS } from "./other-systems.ts";
import { RLIMITS } from "./rlimits.ts";
import {
  affinityCheck,
  ioPriorityCheck,
  memoryPolicyCheck,
  personalityCheck,
  schedulerCheck,
} from "./scheduling.ts";

const idMapping = object({ "containerID!": uint32, "hostID!": uint32, "size!": uint32 });

const environment: Check = (value, at) => {
  text(value, at);
  if ((value as string).indexOf("=") < 1) throw configFault(at, `must be NAME=value, not ${shown(value)}`);
};

const rlimit: Check = (value, at) => {
  object({ "type!": text, "soft!": uint64, "hard!": uint64 })(value, at);
  const { type, soft, hard } = value as { type: string; soft: number; hard: number };
  if (!Object.hasOwn(RLIMITS, type))
    throw configFault(`${at}/type`, `names no resource limit: ${shown(type)}`);
  if (soft > hard) throw configFault(`${at}/soft`, `is above the hard limit: ${soft} > ${hard}`);
};

const rlimits: Check = (value, at) => {
  list(rlimit)(value, at);
  const seen = new Set<string>();
  for (const [index, { type }] of (value as ReadonlyArray<{ type: string }>).entries()) {
    if (seen.has(type)) throw configFault(`${at}/${index}/type`, `lists ${shown(type)} a second time`);
    seen.add(type);
  }
};

const capabilitySet = list(matching(/^[A-Z0-9_]+$/i, "a capability name"));

const userFields = { umask: integer(0, 0o777), username: text, additionalGids: list(uint32) };

const processFields = {
  terminal: flag,
  consoleSize: object({ "height!": uint16, "width!": uint16 }),
  args: list(text),
  env: list(environment),
  "cwd!": absolutePath,
  capabilities: object({
    bounding: capabilitySet,
    effective: capabilitySet,
    inheritable: capabilitySet,
    permitted: capabilitySet,
    ambient: capabilitySet,
  }),
  rlimits,
  noNewPrivileges: flag,
  oomScoreAdj: integer(-1000, 1000),
  apparmorProfile: text,
  selinuxLabel: text,
  scheduler: schedulerCheck,
  ioPriority: ioPriorityCheck,
  execCPUAffinity: affinityCheck,
};

const processCheck = object({
  "user!": object({ "uid!": uint32, "gid!": uint32, ...userFields }),
  ...processFields,
});

/** The process object of `exec --process`, in which callers leave out what is zero. */
export const execProcessCheck: Check = object({
  user: object({ uid: uint32, gid: uint32, ...userFields }),
  ...processFields,
});

const hook = object({
  "path!": absolutePath,
  args: list(text),
  env: list(environment),
  timeout: integer(1, 2 ** 31),
});

const rate = object({ "major!": int64, "minor!": int64, "rate!": uint64 });

/** `resources`, as config.json and `update` have it. */
export const resourcesCheck: Check = object({
  devices: list(
    object({
      "allow!": flag,
      type: oneOf("a", "c", "b"),
      major: integer(-1, 0xfff_ffff),
      minor: integer(-1, 0xfff_ffff),
      access: matching(/^[rwm]*$/, "made of r, w and m"),
    }),
  ),
  memory: object({
    limit: int64,
    reservation: int64,
    swap: int64,
    kernel: int64,
    kernelTCP: int64,
    swappiness: uint64,
    disableOOMKiller: flag,
    useHierarchy: flag,
    checkBeforeUpdate: flag,
  }),
  cpu: object({
    shares: uint64,
    quota: int64,
    burst: uint64,
    period: uint64,
    realtimeRuntime: int64,
    realtimePeriod: uint64,
    cpus: matching(/^[0-9,\- ]*$/, "a list of CPUs"),
    mems: matching(/^[0-9,\- ]*$/, "a list of memory nodes"),
    idle: integer(0, 1),
  }),
  pids: object({ limit: int64 }),
  blockIO: object({
    weight: uint16,
    leafWeight: uint16,
    weightDevice: list(object({ "major!": int64, "minor!": int64, weight: uint16, leafWeight: uint16 })),
    throttleReadBpsDevice: list(rate),
    throttleWriteBpsDevice: list(rate),
    throttleReadIOPSDevice: list(rate),
    throttleWriteIOPSDevice: list(rate),
  }),
  hugepageLimits: list(
    object({ "pageSize!": matching(/^[1-9][0-9]*[KMG]B$/, "a page size such as 2MB"), "limit!": uint64 }),
  ),
  network: object({
    classID: uint32,
    priorities: list(object({ "name!": nonEmpty, "priority!": uint32 })),
  }),
  rdma: map(object({ hcaHandles: uint32, hcaObjects: uint32 })),
  unified: map(text),
});

const seccomp = object({
  "defaultAction!": nonEmpty,
  defaultErrnoRet: uint32,
  architectures: list(nonEmpty),
  flags: list(nonEmpty),
  listenerPath: text,
  listenerMetadata: text,
  syscalls: list(
    object({
      "names!": list(nonEmpty),
      "action!": nonEmpty,
      errnoRet: uint32,
      args: list(object({ "index!": integer(0, 5), "value!": exact64, valueTwo: exact64, "op!": nonEmpty })),
    }),
  ),
});

/** The names that the standard gives namespaces. */
export const NAMESPACE_TYPES = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"] as const;

const linux = object({
  uidMappings: list(idMapping),
  gidMappings: list(idMapping),
  timeOffsets: map(object({ secs: int64, nanosecs: integer(0, 999_999_999) })),
  sysctl: map(text),
  resources: resourcesCheck,
  cgroupsPath: text,
  namespaces: list(object({ "type!": oneOf(...NAMESPACE_TYPES), path: text })),
  devices: list(
    object({
      "path!": absolutePath,
      "type!": oneOf("c", "u", "b", "p"),
      major: integer(0, 0xfff_ffff),
      minor: integer(0, 0xfff_ffff),
      fileMode: integer(0, 0o177_777),
      uid: uint32,
      gid: uint32,
    }),
  ),
  seccomp,
  rootfsPropagation: oneOf(
    "",
    ...["", "r"].flatMap((r) => ["private", "slave", "shared", "unbindable"].map((p) => r + p)),
  ),
  maskedPaths: list(absolutePath),
  readonlyPaths: list(absolutePath),
  mountLabel: text,
  personality: personalityCheck,
  memoryPolicy: memoryPolicyCheck,
  netDevices: map(object({ name: text })),
  intelRdt: intelRdtCheck,
});

/** The whole document. */
export const configCheck: Check = object({
  "ociVersion!": matching(/^1\.\d+\.\d+(?:[-+].*)?$/, "a version 1 of the runtime specification"),
  process: processCheck,
  root: object({ "path!": nonEmpty, readonly: flag }),
  hostname: text,
  domainname: text,
  mounts: list(
    object({
      "destination!": nonEmpty,
      type: text,
      source: text,
      options: list(text),
      uidMappings: list(idMapping),
      gidMappings: list(idMapping),
    }),
  ),
  hooks: object({
    prestart: list(hook),
    createRuntime: list(hook),
    createContainer: list(hook),
    startContainer: list(hook),
    poststart: list(hook),
    poststop: list(hook),
  }),
  annotations: map(text),
  linux,
  ...OTHER_SYSTEMS,
});
