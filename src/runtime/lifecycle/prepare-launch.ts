import { lstatSync, readFileSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { findProgram, formatIdentity, type HostFacts, hostFacts, selfIdentity } from "../../host/index.ts";
import { CortenError, type RuntimeConfig } from "../../spec/index.ts";
import { cgroupOwner } from "../cgroup/delegation.ts";
import { checkGroups, delegatedFiles } from "../cgroup/existing.ts";
import { type CgroupPlan, planCgroups } from "../cgroup/layout.ts";
import { OCI_VERSION } from "../config/default-config.ts";
import { checkConfig, parseConfig } from "../config/parse.ts";
import { compileLaunch } from "../plan/compile-launch.ts";
import { coveredSource } from "../plan/earlier-mounts.ts";
import { rdtGroups } from "../plan/intel-rdt.ts";
import { type CompiledLaunch, type LaunchInput, type LaunchMode, StateFile } from "../plan/launch-input.ts";
import { readMountOptions } from "../plan/mount-options.ts";
import { withNotification } from "../plan/notify.ts";
import type { RootRecipe } from "../plan/root-recipe.ts";
import { mountsWithoutNamespace } from "../plan/shared-mounts.ts";
import { type CompiledFilter, compileSeccomp } from "../seccomp/compile.ts";
import type { ContainerRecord } from "./container.ts";
import { checkId } from "./id.ts";
import type { ListenFds, RunOptions } from "./options.ts";
import { readResctrl } from "./resctrl.ts";
import { isRootless, withoutUnwritable } from "./rootless.ts";

/** A start, decided but not begun. */
export interface PlannedLaunch extends CompiledLaunch {
  readonly record: ContainerRecord;
  readonly cgroups: CgroupPlan;
}

/** Where the files of a launch are. */
export interface LaunchFiles {
  readonly stateDirectory: string;
  readonly failureFile: string;
  readonly onFailure: readonly string[];
}

/** Reads and checks everything that a launch depends on, and compiles its plan. Changes nothing. */
export function planLaunch(
  options: RunOptions,
  mode: LaunchMode,
  files: LaunchFiles,
  compile: (input: LaunchInput) => CompiledLaunch = compileLaunch,
): PlannedLaunch {
  const id = checkId(options.id);
  const bundle = resolve(options.bundle ?? ".");
  const wanted = withCaller(wantedConfig(bundle, options), options, files.stateDirectory);
  const host = options.cgroupManager === "disabled" ? withoutCgroups(hostFacts()) : hostFacts();
  const root = options.root ?? bundleRoot(bundle, wanted);
  const { scope } = options;
  const allGroups = planCgroups(host.cgroups, scope?.group ?? wanted.linux?.cgroupsPath, id);
  // What systemd has made for this user it may write.
  const reduces = scope === undefined && (options.rootless ?? isRootless(host));
  const { config, cgroups, warnings } = reduces
    ? withoutUnwritable(wanted, allGroups)
    : { config: wanted, cgroups: allGroups, warnings: [] };
  const seccomp = config.linux?.seccomp === undefined ? undefined : (options.filter ?? filterOf(config));
  const resctrl = readResctrl(config, id, host.mounts);
  const preserveFds = checkPreserved((options.preserveFds ?? 0) + (options.listenFds?.count ?? 0));
  const input: LaunchInput = {
    id,
    config,
    mode,
    bundle,
    root,
    host,
    cgroups,
    ...bindSources(bundle, root, config, join(files.stateDirectory, StateFile.notify)),
    ...files,
    ...(cgroupOwner(cgroups, config) === undefined ? {} : { delegatedFiles: delegatedFiles() }),
    preserveFds,
    ...mappersFor(config, host),
    ...(scope === undefined ? {} : { holder: scope.holder }),
    ...(seccomp === undefined ? {} : { seccomp }),
    ...(resctrl === undefined ? {} : { resctrl }),
    ...(options.consoleSocket === undefined ? {} : { consoleSocket: resolve(options.consoleSocket) }),
    ...(options.pidFile === undefined ? {} : { pidFile: resolve(options.pidFile) }),
    ...(options.pidfdSocket === undefined ? {} : { pidfdSocket: resolve(options.pidfdSocket) }),
    ...(options.notifySocket === undefined ? {} : { notifySocket: options.notifySocket }),
    ...(options.exitFile === undefined ? {} : { exitFile: resolve(options.exitFile) }),
    noPivot: options.noPivot === true,
    noNewKeyring: options.noNewKeyring === true,
    cleanupPaths: options.cleanupPaths ?? [],
    keep: options.keep === true,
    noSubreaper: options.noSubreaper === true,
  };
  checkGroups(cgroups, scope?.holder.pid);
  const compiled = compile(input);
  return {
    plan: compiled.plan,
    warnings: [...warnings, ...compiled.warnings],
    cgroups,
    record: makeRecord({ ...input, config: wanted }, host, options),
  };
}

/** The configuration that a caller built, or the file that it names. */
export function wantedConfig(bundle: string, { config, configFile }: RunOptions): RuntimeConfig {
  if (config !== undefined) return checkConfig(config);
  return readConfig(bundle, configFile === undefined ? undefined : resolve(configFile));
}

/** The configuration with what the caller hands on beside it. */
function withCaller(config: RuntimeConfig, options: RunOptions, stateDirectory: string): RuntimeConfig {
  const { listenFds, notifySocket } = options;
  const activated = listenFds === undefined ? config : withListenFds(config, listenFds);
  return notifySocket === undefined ? activated : withNotification(activated, stateDirectory);
}

function withListenFds(config: RuntimeConfig, { count, names }: ListenFds): RuntimeConfig {
  const env = (config.process?.env ?? []).filter((entry) => !/^LISTEN_(?:FDS|PID|FDNAMES)=/.test(entry));
  env.push(`LISTEN_FDS=${count}`, "LISTEN_PID=1");
  if (names !== undefined) env.push(`LISTEN_FDNAMES=${names}`);
  return { ...config, process: { ...config.process!, env } };
}

/** A host whose control groups are left alone: limits are refused as on one that has none. */
function withoutCgroups(host: HostFacts): HostFacts {
  return {
    kernel: host.kernel,
    uid: host.uid,
    gid: host.gid,
    capabilities: host.capabilities,
    userNamespace: host.userNamespace,
    cgroups: { mode: "none", hierarchies: [] },
    mounts: host.mounts,
  };
}

/** The helpers that map ranges of ids for a user that may not do it itself. */
function mappersFor({ linux }: RuntimeConfig, { uid }: HostFacts): Pick<LaunchInput, "idMappers"> {
  if (uid === 0 || (linux?.uidMappings ?? []).length === 0) return {};
  return { idMappers: { uid: findProgram("newuidmap"), gid: findProgram("newgidmap") } };
}

export const NATIVE = process.arch === "arm64" ? "AARCH64" : "X86_64";

/** The compiled system call filter of a configuration. */
export function filterOf({ linux }: RuntimeConfig): CompiledFilter | undefined {
  if (linux?.seccomp === undefined) return undefined;
  return compileSeccomp(linux.seccomp, NATIVE);
}

/** Reads the bundle's config.json, or the file that stands for it. */
export function readConfig(bundle: string, file = join(bundle, "config.json")): RuntimeConfig {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") {
      throw new CortenError("not-found", `JSON specification file config.json not found: ${file}`, {
        hint: "run `corten-oci spec` in the bundle, or name another with --bundle",
        cause,
      });
    }
    throw new CortenError("permission-denied", `cannot read ${file}: ${code}`, { cause });
  }
  return parseConfig(bytes);
}

/** The directory that `root.path` names. The plan gets its real path, since the bundle may be reached by links. */
function bundleRoot(bundle: string, config: RuntimeConfig): RootRecipe {
  const wanted = resolve(bundle, config.root!.path);
  let path: string;
  try {
    path = realpathSync(wanted);
    if (statSync(path).isDirectory()) return { kind: "directory", path };
  } catch (cause) {
    throw new CortenError("not-found", `config.json: /root/path: ${wanted} does not exist`, {
      pointer: "/root/path",
      cause,
    });
  }
  throw new CortenError("invalid-argument", `config.json: /root/path: ${path} is not a directory`, {
    pointer: "/root/path",
  });
}

/** What each source of a bind mount is, so that its mount point can be made of the same kind. */
function bindSources(
  bundle: string,
  root: RootRecipe,
  config: RuntimeConfig,
  made: string,
): Pick<LaunchInput, "sources" | "links"> {
  const sources = new Map<string, "directory" | "file">();
  const links = new Map<string, string>();
  const mounts = config.mounts ?? [];
  for (const [index, mount] of mounts.entries()) {
    const options = readMountOptions(mount);
    if (mount.source === undefined || !options.bind || options.remount) continue;
    const covered = root.kind === "directory" ? coveredSource(mounts, index, bundle, root.path) : undefined;
    // What it is on the host is hidden then; a directory is made for what only the container will see.
    if (covered !== undefined && covered.behind === undefined) continue;
    const source = covered?.behind ?? resolve(bundle, mount.source);
    // The start itself makes this directory.
    if (source === made) continue;
    const own = options.links.size === 0 ? undefined : lstatSync(source, { throwIfNoEntry: false });
    if (own?.isSymbolicLink() === true && options.links.has("copy-symlink")) {
      links.set(source, readlinkSync(source));
      continue;
    }
    const stat = options.links.has("src-nofollow") ? own : statSync(source, { throwIfNoEntry: false });
    if (stat === undefined) {
      throw new CortenError(
        "not-found",
        `config.json: /mounts/${index}/source: ${source}: no such file or directory`,
        {
          pointer: `/mounts/${index}/source`,
          hint: `make it first; it is to appear as ${mount.destination}`,
        },
      );
    }
    sources.set(source, stat.isDirectory() ? "directory" : "file");
  }
  return links.size === 0 ? { sources } : { sources, links };
}

function checkPreserved(count: number): number {
  if (!Number.isInteger(count) || count < 0 || count > 1000) {
    throw new CortenError(
      "invalid-argument",
      `cannot preserve ${count} descriptors: give a number from 0 to 1000`,
    );
  }
  return count;
}

function makeRecord(input: LaunchInput, host: HostFacts, { maker, scope }: RunOptions): ContainerRecord {
  const { config, root, resctrl } = input;
  const rdt = config.linux?.intelRdt;
  return {
    version: 1,
    ociVersion: OCI_VERSION,
    id: input.id,
    bundle: input.bundle,
    rootfs: root.kind === "directory" ? root.path : "",
    created: new Date().toISOString(),
    annotations: config.annotations ?? {},
    uid: host.uid,
    maker: formatIdentity(maker ?? selfIdentity()),
    cgroups: input.cgroups.groups.map(({ hierarchy, path }) => ({
      controllers: hierarchy.controllers,
      version: hierarchy.version,
      path,
    })),
    cleanupPaths: input.cleanupPaths ?? [],
    ...(input.notifySocket === undefined ? {} : { notifySocket: input.notifySocket }),
    ...(scope === undefined ? {} : { systemd: { unit: scope.unit, user: scope.user } }),
    ...(rdt === undefined || resctrl === undefined
      ? {}
      : { rdt: rdtGroups(rdt, input.id, resctrl.mountpoint) }),
    ...(mountsWithoutNamespace(config) ? { rootMounts: mountsAt(input.root, host) } : {}),
    config,
  };
}

function mountsAt(root: RootRecipe, { mounts }: HostFacts): number {
  return root.kind === "directory" ? mounts.filter(({ mountpoint }) => mountpoint === root.path).length : 0;
}
