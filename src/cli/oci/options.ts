import type { Call } from "../command/command.ts";
import type { OptionTable } from "../command/option.ts";

/** Options of `corten-oci` that stand before the command: runc's. */
export const globalOptions = {
  debug: { type: "flag", summary: "log what is done" },
  log: {
    type: "text",
    value: "FILE",
    completion: "file",
    summary: "append the log to FILE (or file:FILE), or send it to journald:NAME or syslog:NAME",
  },
  "log-format": { type: "choice", choices: ["text", "json"], default: "text", summary: "format of the log" },
  "log-level": {
    type: "choice",
    choices: ["error", "warning", "info", "debug"],
    default: "info",
    summary: "the least important entries that the log holds",
  },
  root: {
    type: "text",
    value: "DIR",
    completion: "directory",
    summary: "keep the state of containers in DIR instead of /run/corten/oci",
  },
  "systemd-cgroup": {
    type: "flag",
    summary: "let systemd make the cgroup; cgroupsPath is SLICE:PREFIX:NAME",
  },
  "cgroup-manager": {
    type: "choice",
    choices: ["cgroupfs", "disabled", "systemd"],
    default: "cgroupfs",
    summary: "who makes control groups; disabled: nobody, and limits are refused",
  },
  rootless: {
    type: "choice",
    choices: ["true", "false", "auto"],
    default: "auto",
    summary: "whether cgroups that may not be written are left out; auto: unless root runs it",
  },
  version: { type: "flag", short: "v", summary: "print the version" },
} as const satisfies OptionTable;

/** A call of one of `corten-oci`'s commands. */
export type OciCall<O extends OptionTable = Record<never, never>> = Call<O, typeof globalOptions>;

const bundle = {
  type: "text",
  short: "b",
  value: "DIR",
  completion: "directory",
  summary: "the bundle (default: the working directory)",
} as const;
const consoleSocket = {
  type: "text",
  value: "SOCKET",
  completion: "file",
  summary: "Unix socket that receives the terminal's master",
} as const;
const pidfdSocket = {
  type: "text",
  value: "SOCKET",
  completion: "file",
  summary: "Unix socket that receives a pidfd of the process",
} as const;
const pidFile = {
  type: "text",
  value: "FILE",
  completion: "file",
  summary: "write the process's PID on the host to FILE",
} as const;
const preserveFds = {
  type: "integer",
  value: "N",
  default: 0,
  minimum: 0,
  maximum: 1024,
  summary: "pass N more descriptors to the process, after stdio and $LISTEN_FDS",
} as const;

export const createOptions = {
  bundle,
  config: {
    type: "text",
    short: "f",
    value: "FILE",
    completion: "file",
    summary: "read the configuration from FILE instead of the bundle's config.json",
  },
  "console-socket": consoleSocket,
  "pidfd-socket": pidfdSocket,
  "pid-file": pidFile,
  "no-pivot": { type: "flag", summary: "do not use pivot_root: for a root on an initramfs" },
  "no-new-keyring": { type: "flag", summary: "stay in the caller's session keyring" },
  "preserve-fds": preserveFds,
} as const satisfies OptionTable;

export const runOptions = {
  ...createOptions,
  detach: { type: "flag", short: "d", summary: "return when the process runs" },
  keep: { type: "flag", summary: "do not delete the container when it ends" },
  "no-subreaper": { type: "flag", summary: "do not become the reaper of the container's orphans" },
} as const satisfies OptionTable;

export const execOptions = {
  "console-socket": consoleSocket,
  "pidfd-socket": pidfdSocket,
  cwd: { type: "text", value: "DIR", summary: "working directory in the container" },
  env: { type: "list", short: "e", value: "NAME=VALUE", summary: "set a variable" },
  tty: { type: "flag", short: "t", summary: "give it a terminal" },
  user: { type: "text", short: "u", value: "UID[:GID]", summary: "run as this user" },
  "additional-gids": { type: "list", short: "g", value: "GID", summary: "one more group" },
  process: { type: "text", short: "p", value: "FILE", completion: "file", summary: "the process as JSON" },
  detach: { type: "flag", short: "d", summary: "return when the process runs" },
  "pid-file": pidFile,
  "no-new-privs": { type: "flag", summary: "set no_new_privs" },
  cap: { type: "list", short: "c", value: "CAPABILITY", summary: "one more capability" },
  "preserve-fds": preserveFds,
  "process-label": { type: "text", value: "LABEL", summary: "SELinux label of the process" },
  apparmor: { type: "text", value: "PROFILE", summary: "AppArmor profile of the process" },
  cgroup: {
    type: "list",
    value: "[CTRL:]PATH",
    summary: "run in this child of the container's cgroup, of v1 controller CTRL only",
  },
  "ignore-paused": { type: "flag", summary: "run in a paused container, too" },
} as const satisfies OptionTable;

export const deleteOptions = {
  force: {
    type: "flag",
    short: "f",
    summary: "kill it first; a container that does not exist is no failure",
  },
  regex: { type: "flag", summary: "ID is a regular expression: every container that it matches" },
} as const satisfies OptionTable;

export const killOptions = {
  all: { type: "flag", short: "a", summary: "send the signal to every process of the container" },
  regex: { type: "flag", summary: "ID is a regular expression: every container that it matches" },
} as const satisfies OptionTable;

const tableOrJson = {
  type: "choice",
  short: "f",
  choices: ["table", "json"],
  default: "table",
  summary: "how to print",
} as const;

export const listOptions = {
  format: tableOrJson,
  quiet: { type: "flag", short: "q", summary: "print IDs only" },
} as const satisfies OptionTable;

export const psOptions = { format: tableOrJson } as const satisfies OptionTable;

export const eventsOptions = {
  interval: { type: "text", value: "DURATION", default: "5s", summary: "time between two statistics" },
  stats: { type: "flag", summary: "print the statistics once and end" },
} as const satisfies OptionTable;

const limit = (value: string, summary: string) => ({ type: "text", value, summary }) as const;
const noLonger = {
  type: "text",
  value: "BYTES",
  summary: "left out: no kernel has it",
  hidden: true,
} as const;

export const updateOptions = {
  resources: {
    type: "text",
    short: "r",
    value: "FILE",
    completion: "file",
    summary: "limits as JSON, `linux.resources` of a config.json; - reads standard input",
  },
  memory: limit("SIZE", "limit of memory, such as 512m; -1 for none"),
  "memory-reservation": limit("SIZE", "memory that is left to it when memory is short"),
  "memory-swap": limit("SIZE", "limit of memory and swap together; -1 for none"),
  "kernel-memory": noLonger,
  "kernel-memory-tcp": noLonger,
  "cpu-share": limit("N", "share of CPU time, relative to others' (2 to 262144)"),
  "cpu-quota": limit("MICROSECONDS", "CPU time in each period; -1 for no limit"),
  "cpu-period": limit("MICROSECONDS", "length of a period"),
  "cpu-burst": limit("MICROSECONDS", "time saved up that a period may use beside its quota"),
  "cpu-rt-period": limit("MICROSECONDS", "length of a period of real-time processes (cgroup v1)"),
  "cpu-rt-runtime": limit("MICROSECONDS", "time of real-time processes in each period (cgroup v1)"),
  "cpu-idle": limit("0|1", "1: runs only when nothing else would"),
  "cpuset-cpus": limit("LIST", "CPUs that may be used, such as 0-3,7"),
  "cpuset-mems": limit("LIST", "memory nodes that may be used"),
  "blkio-weight": limit("N", "weight of block I/O (10 to 1000)"),
  "pids-limit": limit("N", "number of processes; -1 for no limit"),
  "l3-cache-schema": limit("SCHEMA", "parts of the L3 cache, such as L3:0=7f0;1=1f"),
  "mem-bw-schema": limit("SCHEMA", "memory bandwidth, such as MB:0=20;1=70"),
} as const satisfies OptionTable;

/** What `checkpoint` and `restore` share. */
export const imageOptions = {
  "image-path": {
    type: "text",
    value: "DIR",
    completion: "directory",
    summary: "the images (default: checkpoint in the working directory)",
  },
  "work-path": {
    type: "text",
    value: "DIR",
    completion: "directory",
    summary: "criu's log (default: where the images are)",
  },
  "tcp-established": { type: "flag", summary: "keep open TCP connections" },
  "ext-unix-sk": { type: "flag", summary: "keep unix sockets to processes outside" },
  "shell-job": { type: "flag", summary: "keep a terminal of the caller's" },
  "file-locks": { type: "flag", summary: "keep file locks" },
  "lazy-pages": { type: "flag", summary: "bring memory over when it is asked for" },
  "auto-dedup": { type: "flag", summary: "drop pages from images once they are used" },
  "manage-cgroups-mode": {
    type: "choice",
    choices: ["soft", "full", "strict", "ignore"],
    default: "soft",
    summary: "how control groups are kept",
  },
  "empty-ns": { type: "list", value: "NAMESPACE", summary: "leave out what is in it: network" },
} as const satisfies OptionTable;

export const checkpointOptions = {
  ...imageOptions,
  "parent-path": {
    type: "text",
    value: "DIR",
    summary: "images of an earlier pre-dump, relative to --image-path",
  },
  "leave-running": { type: "flag", summary: "let the container run on" },
  "tcp-skip-in-flight": { type: "flag", summary: "leave out TCP connections that are being made" },
  "link-remap": { type: "flag", summary: "keep files that have been deleted while open" },
  "pre-dump": { type: "flag", summary: "write memory only, and let the container run on" },
  "page-server": { type: "text", value: "ADDRESS:PORT", summary: "send memory to this page server" },
  "status-fd": {
    type: "integer",
    value: "FD",
    minimum: 0,
    maximum: 1024,
    summary: "descriptor that gets a NUL once pages are served",
  },
} as const satisfies OptionTable;

export const restoreOptions = {
  ...imageOptions,
  bundle,
  detach: { type: "flag", short: "d", summary: "return when the container runs" },
  "console-socket": consoleSocket,
  "pid-file": pidFile,
  "no-subreaper": { type: "flag", summary: "do not become the reaper of the container's orphans" },
  "no-pivot": { type: "flag", summary: "refused: criu enters the root by pivot_root alone" },
  "lsm-profile": { type: "text", value: "TYPE:NAME", summary: "security profile of the restored processes" },
  "lsm-mount-context": { type: "text", value: "CONTEXT", summary: "SELinux context of its mounts" },
} as const satisfies OptionTable;

export const specOptions = {
  bundle,
  rootless: { type: "flag", summary: "write it for the calling user, in a user namespace" },
} as const satisfies OptionTable;

export const planOptions = {
  format: { type: "choice", choices: ["text", "json"], default: "text", summary: "how to print" },
  create: { type: "flag", summary: "the plan of `create` instead of that of `run`" },
} as const satisfies OptionTable;

export const reportFailureOptions = {
  kind: {
    type: "choice",
    choices: ["create", "run", "exec", "start", "restore"],
    default: "create",
    summary: "what failed",
  },
  "criu-log": {
    type: "text",
    value: "DIR",
    summary: "directory of criu's log, which tells why a restore failed",
  },
  warning: { type: "list", value: "TEXT", summary: "what had been left out of the start" },
} as const satisfies OptionTable;

/** Exit code of an exec that failed by itself, which no command's own code can be taken for. runc's. */
export const EXEC_FAILURE = 255;
