import { posix } from "node:path";
import { CortenError } from "../../spec/index.ts";
import type { ContainerCgroup } from "../cgroup/layout.ts";
import { DUMP_LOG, RESTORE_LOG } from "./criu.ts";
import { externalMounts, externalNamespaces, maskedFiles, namespaceArguments } from "./external.ts";
import type { CheckpointOptions, CriuSubject, ImageOptions, RestoreOptions } from "./options.ts";
import { externalStreams, inheritedStreams } from "./streams.ts";

/** What images call the file that covers masked ones; the name is runc's. */
const MASK = "/dev/null";

/** The command line of `criu dump`, or of `criu pre-dump`, without the program. */
export function dumpArguments(pid: number, subject: CriuSubject, options: CheckpointOptions): string[] {
  const { parentPath, pageServer, statusFd } = options;
  if (parentPath !== undefined && posix.isAbsolute(parentPath)) {
    throw new CortenError(
      "invalid-argument",
      `--parent-path must be relative to --image-path: ${parentPath}`,
    );
  }
  return [
    options.preDump === true ? "pre-dump" : "dump",
    ...["--tree", `${pid}`, "--root", subject.rootfs],
    ...common(options, DUMP_LOG),
    ...(parentPath === undefined ? [] : ["--prev-images-dir", parentPath]),
    ...flag("--track-mem", options.preDump),
    ...(subject.freezer === undefined ? [] : ["--freeze-cgroup", subject.freezer]),
    // A pre-dump never stops the container, and takes memory alone.
    ...(options.preDump === true
      ? []
      : [
          ...flag("--leave-running", options.leaveRunning),
          ...flag("--link-remap", options.linkRemap),
          ...flag("--skip-in-flight", options.tcpSkipInFlight),
          ...externalMounts(subject, "/").flatMap(({ destination }) => [
            "--external",
            `mnt[${destination}]:${destination}`,
          ]),
          ...maskedFiles(subject.config, pid).flatMap((path) => ["--external", `mnt[${path}]:${MASK}`]),
          ...namespaceArguments(subject.config),
          ...externalStreams(subject.streams ?? []),
        ]),
    ...(pageServer === undefined ? [] : pageServerArguments(pageServer, options.lazyPages === true)),
    ...(statusFd === undefined ? [] : ["--status-fd", `${statusFd}`]),
  ];
}

/** Descriptors of criu as a servant: 3 is its socket, 4 the images. compileRestore puts namespaces behind them. */
const FIRST_NAMESPACE = 5;

/** The options of `criu restore`. `root` is the mount that the container's mounts are built on. */
export function restoreArguments(
  subject: CriuSubject,
  options: RestoreOptions,
  files: {
    readonly root: string;
    readonly bundle: string;
    /** What the standard streams led to when the images were made. */
    readonly streams: readonly string[];
  },
): string[] {
  return [
    ...["--root", files.root],
    ...common(options, RESTORE_LOG),
    ...externalMounts(subject, files.bundle).flatMap(({ destination, source }) => [
      "--external",
      `mnt[${destination}]:${source}`,
    ]),
    ...((subject.config.linux?.maskedPaths ?? []).length === 0
      ? []
      : ["--external", `mnt[${MASK}]:/dev/null`]),
    ...externalNamespaces(subject.config).flatMap(({ key }, index) => [
      "--inherit-fd",
      `fd[${FIRST_NAMESPACE + index}]:${key}`,
    ]),
    ...inheritedStreams(files.streams),
    ...(options.cgroupsMode === "ignore"
      ? []
      : subject.cgroups.groups.flatMap((group) => ["--cgroup-root", cgroupRoot(group)])),
    ...(options.lsmProfile === undefined ? [] : ["--lsm-profile", options.lsmProfile]),
    ...(options.lsmMountContext === undefined ? [] : ["--lsm-mount-context", options.lsmMountContext]),
  ];
}

/** `[CONTROLLERS:]PATH`, the path as it is below the root of the hierarchy; v2 has no controllers. */
function cgroupRoot({ hierarchy: { controllers, mountpoint }, path }: ContainerCgroup): string {
  const inside = path.slice(mountpoint.length);
  return controllers.length === 0 ? inside : `${controllers.join(",")}:${inside}`;
}

function common(options: ImageOptions, log: string): string[] {
  const { imagePath, workPath = imagePath, cgroupsMode = "soft", emptyNamespaces = [] } = options;
  return [
    // Neither the host's files nor an annotation of the container say what criu does.
    "--no-default-config",
    ...["--images-dir", imagePath, "--work-dir", workPath, "--log-file", log, "-v4"],
    `--manage-cgroups=${cgroupsMode}`,
    ...flag("--tcp-established", options.tcpEstablished),
    ...flag("--ext-unix-sk", options.externalUnixSockets),
    ...flag("--shell-job", options.shellJob),
    ...flag("--file-locks", options.fileLocks),
    ...flag("--lazy-pages", options.lazyPages),
    ...flag("--auto-dedup", options.autoDedup),
    ...emptyNamespaces.flatMap((name) => {
      if (name !== "network") {
        throw new CortenError("invalid-argument", `--empty-ns ${name}: criu leaves out the network only`);
      }
      return ["--empty-ns", "net"];
    }),
  ];
}

function flag(name: string, wanted: boolean | undefined): string[] {
  return wanted === true ? [name] : [];
}

/** Where memory goes at once; with lazy pages it is the address at which criu itself then serves them. */
function pageServerArguments(address: string, lazy: boolean): string[] {
  const match = /^(.+):(\d{1,5})$/.exec(address);
  if (match === null) {
    throw new CortenError("invalid-argument", `--page-server "${address}" is not ADDRESS:PORT`);
  }
  return [...(lazy ? [] : ["--page-server"]), "--address", match[1]!, "--port", match[2]!];
}
