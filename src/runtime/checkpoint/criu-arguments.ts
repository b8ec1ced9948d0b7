import { posix } from "node:path";
import { CortenError } from "../../spec/index.ts";
import { readMountOptions } from "../plan/mount-options.ts";
import type { CheckpointOptions, CriuSubject, ImageOptions, RestoreOptions } from "./options.ts";

export const DUMP_LOG = "dump.log";
export const RESTORE_LOG = "restore.log";

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
    // A pre-dump never stops the container, and takes memory alone.
    ...(options.preDump === true
      ? []
      : [
          ...flag("--leave-running", options.leaveRunning),
          ...flag("--link-remap", options.linkRemap),
          ...flag("--skip-in-flight", options.tcpSkipInFlight),
          ...externalMounts(subject).flatMap((path) => ["--external", `mnt[${path}]:${path}`]),
        ]),
    ...(pageServer === undefined ? [] : pageServerArguments(pageServer)),
    ...(statusFd === undefined ? [] : ["--status-fd", `${statusFd}`]),
  ];
}

/** The command line of `criu restore`. `root` is the mount that the container's mounts are built on. */
export function restoreArguments(
  subject: CriuSubject,
  options: RestoreOptions,
  files: {
    readonly root: string;
    readonly pidFile: string;
    readonly bundle: string;
    /** Control groups to restore into, by controllers; an empty list stands for v2. */
    readonly cgroups: ReadonlyArray<{ readonly controllers: readonly string[]; readonly path: string }>;
  },
): string[] {
  const sources = new Map(
    (subject.config.mounts ?? []).map(({ destination, source = "" }) => [destination, source]),
  );
  return [
    "restore",
    ...["--root", files.root, "--restore-detached", "--pidfile", files.pidFile],
    ...common(options, RESTORE_LOG),
    ...externalMounts(subject).flatMap((path) => {
      const source = sources.has(path) ? posix.resolve(files.bundle, sources.get(path)!) : "/dev/null";
      return ["--external", `mnt[${path}]:${source}`];
    }),
    ...(options.cgroupsMode === "ignore"
      ? []
      : files.cgroups.flatMap(({ controllers, path }) => [
          "--cgroup-root",
          controllers.length === 0 ? path : `${controllers.join(",")}:${path}`,
        ])),
    ...(options.lsmProfile === undefined ? [] : ["--lsm-profile", options.lsmProfile]),
    ...(options.lsmMountContext === undefined ? [] : ["--lsm-mount-context", options.lsmMountContext]),
  ];
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

/** Mounts whose contents are the host's: what is bound into the container, and the files that cover masked paths. */
export function externalMounts({ config }: CriuSubject): string[] {
  const bound = (config.mounts ?? []).filter((mount) => readMountOptions(mount).bind);
  return [
    ...bound.map(({ destination }) => posix.resolve("/", destination)),
    ...(config.linux?.maskedPaths ?? []),
  ];
}

function pageServerArguments(address: string): string[] {
  const match = /^(.+):(\d{1,5})$/.exec(address);
  if (match === null) {
    throw new CortenError("invalid-argument", `--page-server "${address}" is not ADDRESS:PORT`);
  }
  return ["--page-server", "--address", match[1]!, "--port", match[2]!];
}
