import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What a container could leave behind on a host, as one line each. */
export type HostSnapshot = {
  readonly mounts: ReadonlySet<string>;
  readonly cgroups: ReadonlySet<string>;
  readonly processes: ReadonlySet<string>;
  readonly files: ReadonlySet<string>;
  readonly options: HostSnapshotOptions;
};

export type HostSnapshotOptions = {
  /** Folders whose entries are compared too, recursively, e.g. the data root; a missing folder is empty. */
  readonly folders?: readonly string[];
  /** Only lines that match count, for a machine on which others work at the same time. */
  readonly matching?: RegExp;
};

/** Records the mounts, cgroups, processes and files of now. */
export function snapshotHost(options: HostSnapshotOptions = {}): HostSnapshot {
  const only = (lines: readonly string[]) =>
    new Set(options.matching ? lines.filter((line) => options.matching?.test(line)) : lines);
  return {
    mounts: only(mounts()),
    cgroups: only(foldersBelow("/sys/fs/cgroup")),
    processes: only(processes()),
    files: only((options.folders ?? []).flatMap(entriesBelow)),
    options,
  };
}

/**
 * Fails when there is something that was not there in `before`. What ends takes a moment to go, so it looks
 * again for `graceMs`.
 */
export async function assertNothingLeft(before: HostSnapshot, graceMs = 2000): Promise<void> {
  const deadline = Date.now() + graceMs;
  for (;;) {
    const now = snapshotHost(before.options);
    const left = (["mounts", "cgroups", "processes", "files"] as const).flatMap((kind) =>
      [...now[kind]].filter((line) => !before[kind].has(line)).map((line) => `${kind}: ${line}`),
    );
    if (left.length === 0) return;
    if (Date.now() > deadline) assert.deepEqual(left, [], "something is left on the host");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Mount point, type and source; the ids in front differ from time to time. */
function mounts(): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [front = "", back = ""] = line.split(" - ");
      return `${front.split(" ")[4]} ${back}`;
    });
}

/** Processes with a command line (kernel threads have none) beside this one, told apart by their start time. */
function processes(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        const started = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
        return command === "" ? [] : [`${pid} (${started}) ${command}`];
      } catch (error) {
        return goneOrThrow(error);
      }
    });
}

function foldersBelow(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap((entry) => [join(path, entry.name), ...foldersBelow(join(path, entry.name))]);
  } catch (error) {
    return goneOrThrow(error);
  }
}

function entriesBelow(path: string): string[] {
  try {
    return readdirSync(path, { recursive: true, encoding: "utf8" }).map((name) => join(path, name));
  } catch (error) {
    return goneOrThrow(error);
  }
}

/** Processes and cgroups end while they are being read. */
function goneOrThrow(error: unknown): [] {
  if (["ENOENT", "ESRCH", "ENODEV"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
  throw error;
}
