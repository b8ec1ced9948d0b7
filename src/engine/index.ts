/**
 * Containers as docker's and podman's users know them, without a daemon. A container is a row in
 * `corten.db`, a directory `<root>/containers/<id>` (0700: its configuration, its writable layer, its
 * log and exit record) and, while it runs, a directory below the run root with its attach socket. No
 * status is stored: what a container is doing is worked out from live facts each time someone asks, so a
 * process that is killed at any point leaves nothing that the next command cannot finish or undo.
 */

export type { AttachedExit, Attachment, ConnectOptions, OutputChunk } from "./attach/index.ts";
export { connectAttachment } from "./attach/index.ts";
export type { CheckFinding, CheckOptions } from "./check/finding.ts";
export type {
  CallOptions,
  Container,
  CreatedContainer,
  ExitedContainer,
  ExitStatus,
  RemoveOptions,
  RunningContainer,
  StopOptions,
} from "./container.ts";
export type {
  ContainerOptions,
  DeviceOptions,
  ExecOptions,
  RootDirectory,
  TerminalSize,
  TmpfsOptions,
  VolumeOptions,
} from "./container-options.ts";
export type { AttachOptions, Engine, EngineOptions, ListOptions, ProcessImage } from "./engine.ts";
export type { ContainerInspect, ContainerSummary } from "./inspect.ts";
export { openEngine } from "./local-engine.ts";
export type { LogEntry, LogOptions, LogStream } from "./log/index.ts";
export type { LabelCondition, PruneFilter } from "./prune/filter.ts";
export type { Pruned, PruneOptions } from "./prune/prune.ts";
export type { DockerProfile, DockerRule, RuleConditions } from "./spec/seccomp/docker-profile.ts";
export type { ContainerState } from "./status.ts";
export type {
  ContainerUsage,
  DiskUsage,
  ImageUsage,
  UsageSummary,
  VolumeUsage,
} from "./usage/disk-usage.ts";
export { summariseUsage } from "./usage/disk-usage.ts";
