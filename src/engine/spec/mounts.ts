import { posix } from "node:path";
import { CortenError, type RuntimeMount } from "../../spec/index.ts";
import type { TmpfsOptions } from "../container-options.ts";

/** A mount that was asked for, with its source found. */
export interface ContainerMount {
  readonly type: "bind" | "volume";
  /** The volume's name. */
  readonly name?: string;
  /** Absolute path on the host. */
  readonly source: string;
  /** Absolute and normal path in the container. */
  readonly destination: string;
  readonly readOnly: boolean;
  /** True for a volume that belongs to this container alone and goes with it. */
  readonly anonymous?: boolean;
}

/** Files that the engine writes for the container and mounts over the image's. */
export interface GeneratedFiles {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
}

export interface MountInput {
  readonly mounts: readonly ContainerMount[];
  readonly tmpfs: readonly TmpfsOptions[];
  readonly files: GeneratedFiles;
  readonly privileged: boolean;
  /** True where the container shares the host's network namespace. */
  readonly hostNetwork: boolean;
  /** False where the container has no control group of its own to look at. */
  readonly ownGroups: boolean;
  /** False where only one group is mapped: terminals cannot belong to that of tty. */
  readonly manyGroups: boolean;
}

/**
 * The mounts of a container: docker's defaults, the generated files, then what was asked for, from the outer to the
 * inner. One that is asked for takes the place of a default with the same destination.
 */
export function generateMounts(input: MountInput): RuntimeMount[] {
  const asked = [
    ...input.mounts.map(bindMount),
    ...input.tmpfs.map(({ destination, options }) => tmpfsMount(destination, options)),
  ];
  const taken = new Set<string>();
  for (const { destination } of asked) {
    if (taken.has(destination)) {
      throw new CortenError("invalid-argument", `two mounts at ${destination}`, { pointer: "/mounts" });
    }
    taken.add(destination);
  }
  const defaults = [...systemMounts(input), ...fileMounts(input.files)];
  const inner = asked.sort((a, b) => depth(a.destination) - depth(b.destination));
  return [...defaults.filter(({ destination }) => !taken.has(destination)), ...inner];
}

/**
 * A path in a container in its normal form: absolute, without `..`, which in a VOLUME of an image could otherwise
 * pretend to lead out (it could not: the runtime resolves it inside the root).
 */
export function containerPath(path: string, what: string): string {
  const normal = posix.normalize(posix.join("/", path)).replace(/(?<=.)\/+$/, "");
  if (normal === "/" || path.includes("\0")) {
    throw new CortenError("invalid-argument", `${what}: nothing can be mounted at "${path.slice(0, 200)}"`);
  }
  return normal;
}

function systemMounts({ privileged, hostNetwork, ownGroups, manyGroups }: MountInput): RuntimeMount[] {
  const access = privileged ? "rw" : "ro";
  return [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: [
        "nosuid",
        "noexec",
        "newinstance",
        "ptmxmode=0666",
        "mode=0620",
        ...(manyGroups ? ["gid=5"] : []),
      ],
    },
    // sysfs shows the devices of the network namespace that it is mounted in; the host's are nobody's business here
    // unless it is the host's network.
    {
      destination: "/sys",
      type: "sysfs",
      source: "sysfs",
      options: ["nosuid", "noexec", "nodev", hostNetwork && !privileged ? "ro" : access],
    },
    ...(ownGroups
      ? [
          {
            destination: "/sys/fs/cgroup",
            type: "cgroup",
            source: "cgroup",
            options: ["nosuid", "noexec", "nodev", access],
          },
        ]
      : []),
    {
      destination: "/dev/mqueue",
      type: "mqueue",
      source: "mqueue",
      options: ["nosuid", "noexec", "nodev"],
    },
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
    },
  ];
}

function fileMounts(files: GeneratedFiles): RuntimeMount[] {
  const pairs = [
    ["/etc/hosts", files.hosts],
    ["/etc/hostname", files.hostname],
    ["/etc/resolv.conf", files.resolvConf],
  ] as const;
  return pairs.map(([destination, source]) => ({
    destination,
    type: "bind",
    source,
    options: ["rbind", "rprivate"],
  }));
}

function bindMount({ source, destination, readOnly }: ContainerMount): RuntimeMount {
  // Recursively read-only: a file system below the source would stay writable otherwise.
  const options = ["rbind", "rprivate", ...(readOnly ? ["ro", "rro"] : [])];
  return { destination, type: "bind", source, options };
}

const TMPFS_DEFAULTS = ["nosuid", "nodev", "noexec"] as const;
const OPPOSITE: Readonly<Record<string, string>> = { nosuid: "suid", nodev: "dev", noexec: "exec" };

function tmpfsMount(destination: string, wanted: readonly string[]): RuntimeMount {
  const kept = TMPFS_DEFAULTS.filter((option) => !wanted.includes(OPPOSITE[option]!));
  const mode = wanted.some((option) => option.startsWith("mode=")) ? [] : ["mode=1777"];
  const options = [...new Set([...kept, ...mode, ...wanted])];
  return { destination: containerPath(destination, "tmpfs"), type: "tmpfs", source: "tmpfs", options };
}

function depth(path: string): number {
  return path.split("/").length;
}
