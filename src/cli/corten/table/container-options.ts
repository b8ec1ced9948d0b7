import type { OptionTable } from "../../command/option.ts";
import { formatOption } from "./globals.ts";
import { accessOptions, platformOptions } from "./registry-access.ts";

const processOptions = {
  interactive: { type: "flag", short: "i", summary: "keep stdin open" },
  tty: { type: "flag", short: "t", summary: "give it a terminal" },
  env: {
    type: "list",
    short: "e",
    value: "NAME[=VALUE]",
    summary: "set a variable; without =VALUE the caller's value",
  },
  "env-file": {
    type: "list",
    value: "FILE",
    completion: "file",
    summary: "set the variables that FILE lists, one a line",
  },
  workdir: { type: "text", short: "w", value: "DIR", summary: "start in this directory" },
  user: { type: "text", short: "u", value: "USER[:GROUP]", summary: "run as this user, by name or number" },
  privileged: { type: "flag", summary: "all capabilities and devices, nothing masked" },
} as const satisfies OptionTable;

/** What a container is made of: `create` and `run` share it. */
export const createOptions = {
  ...processOptions,
  name: { type: "text", value: "NAME", summary: "name of the container (default: two words by chance)" },
  rm: { type: "flag", summary: "remove the container and its anonymous volumes when it ends" },
  pull: {
    type: "choice",
    choices: ["missing", "always", "never"],
    default: "missing",
    summary: "when to fetch the image",
  },
  platform: { type: "text", value: "OS/ARCH", summary: "fetch the image for this platform" },
  rootfs: {
    type: "text",
    value: "DIR[:O]",
    completion: "directory",
    summary: "run in this directory instead of an image; with :O under an overlay that is thrown away",
  },
  entrypoint: { type: "text", value: "COMMAND", summary: "replace the image's entrypoint; empty: none" },
  hostname: {
    type: "text",
    short: "h",
    value: "NAME",
    summary: "host name inside (default: start of the ID)",
  },
  volume: {
    type: "list",
    short: "v",
    value: "[SOURCE:]DIR[:OPTIONS]",
    summary: "mount a host path or a named volume; options: ro, rw",
  },
  tmpfs: { type: "list", value: "DIR[:OPTIONS]", summary: "mount a tmpfs; options such as size=64m" },
  device: { type: "list", value: "PATH[:PATH][:rwm]", summary: "let it use a device of the host" },
  "read-only": { type: "flag", summary: "mount the root file system read-only" },
  network: {
    type: "choice",
    aliases: ["net"],
    choices: ["none", "host"],
    default: "none",
    summary: "a private network with a loopback interface only, or the host's",
  },
  memory: { type: "text", short: "m", value: "SIZE", summary: "memory limit, such as 512m" },
  cpus: { type: "text", value: "NUMBER", summary: "CPUs it may use, such as 1.5" },
  "pids-limit": {
    type: "integer",
    value: "NUMBER",
    minimum: -1,
    summary: "processes it may have; -1: no limit",
  },
  "cap-add": { type: "list", value: "CAPABILITY", summary: "add a capability, or ALL" },
  "cap-drop": { type: "list", value: "CAPABILITY", summary: "drop a capability, or ALL" },
  "security-opt": {
    type: "list",
    value: "OPTION",
    summary: "no-new-privileges, seccomp=unconfined or seccomp=FILE",
  },
  label: { type: "list", short: "l", value: "NAME[=VALUE]", summary: "attach metadata" },
  "stop-signal": { type: "text", value: "SIGNAL", summary: "signal of `corten stop` (default: the image's)" },
  "stop-timeout": {
    type: "integer",
    value: "SECONDS",
    minimum: 0,
    summary: "seconds until stop kills (default: 10)",
  },
  "tls-verify": {
    type: "flag",
    default: true,
    summary: "with =false: registry without verified TLS, or without TLS",
  },
  creds: { type: "text", value: "USER:PASSWORD", summary: "credentials for the registry" },
  quiet: { type: "flag", short: "q", summary: "print no progress of a pull" },
} as const satisfies OptionTable;

export const runOptions = {
  detach: { type: "flag", short: "d", summary: "run in the background and print the ID" },
  ...createOptions,
} as const satisfies OptionTable;

export const startOptions = {
  attach: { type: "flag", short: "a", summary: "attach stdout and stderr, and end with its exit code" },
  interactive: { type: "flag", short: "i", summary: "attach stdin, too" },
} as const satisfies OptionTable;

export const execOptions = {
  detach: { type: "flag", short: "d", summary: "run in the background" },
  ...processOptions,
} as const satisfies OptionTable;

export const attachOptions = {
  "no-stdin": { type: "flag", summary: "do not forward stdin" },
} as const satisfies OptionTable;

export const psOptions = {
  all: { type: "flag", short: "a", summary: "those that do not run, too" },
  quiet: { type: "flag", short: "q", summary: "print IDs only" },
  "no-trunc": { type: "flag", summary: "print IDs and commands in full" },
  filter: {
    type: "list",
    short: "f",
    value: "NAME=VALUE",
    summary: "only those that match: id, name, status, label, ancestor, exited",
  },
  last: {
    type: "integer",
    short: "n",
    value: "NUMBER",
    minimum: 1,
    summary: "the last created ones, in any state",
  },
  format: formatOption,
} as const satisfies OptionTable;

export const logsOptions = {
  follow: { type: "flag", short: "f", summary: "wait for more until the container ends" },
  tail: { type: "text", short: "n", value: "NUMBER", default: "all", summary: "only the last lines" },
  since: {
    type: "text",
    value: "TIME",
    summary: "only from TIME on: 2026-01-31T12:00:00Z, seconds since 1970, or 10m ago as 10m",
  },
  until: { type: "text", value: "TIME", summary: "only what is older than TIME" },
  timestamps: { type: "flag", short: "t", summary: "print the time of each line" },
} as const satisfies OptionTable;

export const stopOptions = {
  time: {
    type: "integer",
    short: "t",
    aliases: ["timeout"],
    value: "SECONDS",
    minimum: 0,
    summary: "seconds until it is killed (default: the container's stop timeout)",
  },
} as const satisfies OptionTable;

export const killOptions = {
  signal: { type: "text", short: "s", value: "SIGNAL", default: "KILL", summary: "signal by name or number" },
} as const satisfies OptionTable;

export const rmOptions = {
  force: {
    type: "flag",
    short: "f",
    summary: "kill it first; a container that does not exist is no failure",
  },
  ignore: { type: "flag", short: "i", summary: "a container that does not exist is no failure" },
  volumes: { type: "flag", short: "v", summary: "remove its anonymous volumes, too" },
} as const satisfies OptionTable;

export const inspectOptions = {
  type: { type: "choice", choices: ["container", "image"], summary: "inspect only this kind of thing" },
  format: {
    type: "text",
    short: "f",
    value: "FORMAT",
    summary: "json, or a template such as '{{.State.Pid}}'",
  },
  raw: { type: "flag", summary: "of a place: print manifest or configuration to the byte" },
  config: { type: "flag", summary: "of a place: print the configuration" },
  "no-tags": { type: "flag", short: "n", summary: "of a place: do not list the repository's tags" },
  ...platformOptions,
  ...accessOptions,
} as const satisfies OptionTable;

export const waitOptions = {} as const satisfies OptionTable;

export const reportFailureOptions = {
  plain: { type: "flag", summary: "without colours" },
} as const satisfies OptionTable;
