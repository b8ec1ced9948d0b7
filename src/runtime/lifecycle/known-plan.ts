import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { hostFacts, programs, selfCommand } from "../../host/index.ts";
import type { RuntimeConfig, RuntimeMount } from "../../spec/index.ts";
import { type CgroupDirectory, thawedFile } from "../cgroup/control.ts";
import { coveredSource } from "../plan/earlier-mounts.ts";
import { encodePlan } from "../plan/encode.ts";
import { type LaunchMode, StateFile } from "../plan/launch-input.ts";
import { readMountOptions } from "../plan/mount-options.ts";
import { mountsWithoutNamespace } from "../plan/shared-mounts.ts";
import { type Condition, encodeTemplate, Marks, type Template } from "../plan/template.ts";
import type { ContainerRecord } from "./container.ts";
import type { ExecOptions, RunOptions } from "./options.ts";
import { planExec } from "./prepare-exec.ts";
import { planLaunch } from "./prepare-launch.ts";
import { stateDirectory } from "./state-directory.ts";
import type { Observed } from "./status.ts";

/** A configuration longer than this is compared too slowly to gain anything, bytes. */
const MAX_CONFIG = 256 * 1024;

/** Where a plan is stored, and for whom. */
export interface PlanStore {
  /** The front door's file: it holds the start's key, and is replaced by the template. */
  readonly file: string;
  /** The runtime's root. */
  readonly root: string;
  /** What the executor becomes after a failure, without the failure's file. */
  readonly onFailure: readonly string[];
}

/** Compiles a launch once more, with gaps, and stores it for the front door, which replays it next time. */
export function storeLaunch(store: PlanStore, options: RunOptions, mode: LaunchMode): void {
  const marks = newMarks();
  const id = marks.of("id");
  const marked: RunOptions = {
    ...options,
    id,
    ...(options.pidFile === undefined ? {} : { pidFile: `/${marks.of("pidFile")}` }),
  };
  const files = filesOf(store, marks, id);
  const bundle = resolve(options.bundle ?? ".");
  const configFile = join(bundle, "config.json");
  const config = readFileSync(configFile);
  const { plan, record, warnings, cgroups } = planLaunch(marked, mode, files);
  // Written to meanwhile: the plan may be that of either text.
  if (!readFileSync(configFile).equals(config)) return;
  // A warning would be heard once only, and mounts that are shared with the host depend on the whole mount table.
  if (
    mountsDependOnLinks(record.config) ||
    sourcesAreCovered(record) ||
    warnings.length > 0 ||
    config.length > MAX_CONFIG ||
    // Whether a group of resctrl is there, and what it has, decides what is written to it.
    record.config.linux?.intelRdt !== undefined ||
    mountsWithoutNamespace(record.config)
  )
    return;
  const conditions: Condition[] = [
    { kind: "content", path: configFile, data: config },
    { kind: "leadsTo", path: resolve(bundle, record.config.root!.path), data: record.rootfs },
    ...hostConditions(),
    ...cgroupConditions(),
    ...sourceConditions(bundle, record.config.mounts ?? []),
    ...cgroups.groups.map(({ path }): Condition => ({ kind: "absent", path })),
  ];
  const stored = {
    ...record,
    created: marks.of("created"),
    maker: `${marks.of("pid")} ${marks.of("start")}`,
  };
  write(store, marks, {
    conditions,
    plan: encodePlan(plan),
    record: JSON.stringify(stored),
    planFile: join(files.stateDirectory, StateFile.plan),
  });
}

/** True where a plan depends on whether sources are symlinks, which the conditions do not tell. */
function mountsDependOnLinks({ mounts }: RuntimeConfig): boolean {
  return (mounts ?? []).some((mount) => readMountOptions(mount).links.size > 0);
}

/** True where a source is what an earlier mount shows: what it is on the host tells nothing. */
function sourcesAreCovered({ config, bundle, rootfs }: ContainerRecord): boolean {
  const mounts = config.mounts ?? [];
  return mounts.some((_, index) => coveredSource(mounts, index, bundle, rootfs) !== undefined);
}

/** The same for one more process in a container. */
export function storeExec(store: PlanStore, container: Observed, options: ExecOptions): void {
  const marks = newMarks();
  const { id } = container.record;
  const files = filesOf(store, marks, id);
  const marked: ExecOptions = {
    ...options,
    ...(options.pidFile === undefined ? {} : { pidFile: `/${marks.of("pidFile")}` }),
  };
  const { plan, warnings } = planExec(container, marked, files);
  if (warnings.length > 0) return;
  const directory = stateDirectory(store.root, id);
  const { init, record } = container;
  write(store, marks, {
    conditions: [
      unchanged(join(directory, StateFile.record)),
      { kind: "alive", first: init!.pid, second: init!.startTime },
      ...(options.ignorePaused === true ? [] : thawed(record.cgroups)),
      ...hostConditions(),
    ],
    plan: encodePlan(plan),
    record: undefined,
    planFile: join(directory, `${StateFile.plan}-${id}-${marks.of("pid")}-0`),
  });
}

/** Marks that nobody can have put into a configuration. */
function newMarks(): Marks {
  return new Marks(globalThis.crypto.randomUUID().replaceAll("-", ""));
}

function filesOf(store: PlanStore, marks: Marks, id: string) {
  const failureFile = join(store.root, ".failures", `${id}-${marks.of("pid")}-0`);
  return {
    stateDirectory: stateDirectory(store.root, id),
    failureFile,
    onFailure: store.onFailure.length === 0 ? [] : [...store.onFailure.map(markId), failureFile],
  };

  /** The command that reports a failure names the container. */
  function markId(word: string, index: number, words: readonly string[]): string {
    return index === words.length - 1 ? id : word;
  }
}

/** What every plan depends on: the kernel, this process's rights, and the programs that made the plan and execute it. */
function hostConditions(): Condition[] {
  const { kernel, capabilities } = hostFacts();
  return [
    { kind: "kernel", path: kernel.release },
    { kind: "capabilities", first: capabilities.permitted, second: capabilities.bounding },
    { kind: "content", path: "/proc/self/uid_map", data: readFileSync("/proc/self/uid_map") },
    unchanged(programs().init),
    unchanged(selfCommand()[0]!),
  ];
}

/** Where the container's control groups are made follows from the caller's groups and from what is mounted where. */
function cgroupConditions(): Condition[] {
  const mounted = hostFacts().cgroups.hierarchies.map(({ mountpoint }): Condition => {
    const { ino, dev } = statSync(mountpoint, { bigint: true });
    const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
    const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
    return {
      kind: "file",
      path: mountpoint,
      first: Number(ino),
      second: Number(major) * 2 ** 32 + Number(minor),
    };
  });
  return [
    { kind: "content", path: "/proc/self/cgroup", data: readFileSync("/proc/self/cgroup") },
    ...mounted,
  ];
}

/** A bind mount's target is made as a directory or as a file, as its source is. */
function sourceConditions(bundle: string, mounts: readonly RuntimeMount[]): Condition[] {
  return mounts.flatMap((mount): Condition[] => {
    const { bind, remount } = readMountOptions(mount);
    if (mount.source === undefined || !bind || remount) return [];
    const path = resolve(bundle, mount.source);
    return [{ kind: "directory", path, first: statSync(path).isDirectory() ? 1 : 0 }];
  });
}

function thawed(groups: readonly CgroupDirectory[]): Condition[] {
  const file = thawedFile(groups);
  return file === undefined ? [] : [{ kind: "content", path: file.path, data: file.content }];
}

function unchanged(path: string): Condition {
  const { ino, mtimeNs } = statSync(path, { bigint: true });
  return { kind: "unchanged", path, first: Number(ino), second: Number(mtimeNs / 1_000_000n) };
}

/** Puts the template in the place of the key, in one step. */
function write(store: PlanStore, marks: Marks, template: Omit<Template, "key">): void {
  const bytes = encodeTemplate({ ...template, key: readFileSync(store.file) }, marks);
  if (bytes === undefined) return;
  const draft = `${store.file}.${process.pid}`;
  try {
    writeFileSync(draft, bytes, { mode: 0o600, flag: "wx" });
    renameSync(draft, store.file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}
