import { lstatSync, mkdirSync, type Stats } from "node:fs";
import { dirname, join } from "node:path";
import { CortenError } from "../spec/index.ts";

/** True for root of the machine, or of a container with a /run of its own; not for a user who only looks like root. */
function isRoot(): boolean {
  return process.geteuid?.() === 0 && lstatSync("/run", { throwIfNoEntry: false })?.uid === 0;
}

/** What does not outlive a boot: /run/corten, or below the user's XDG runtime directory. */
export function runDirectory(): string {
  if (isRoot()) return "/run/corten";
  const runtime = process.env["XDG_RUNTIME_DIR"];
  return join(runtime?.startsWith("/") ? runtime : `/run/user/${process.geteuid?.()}`, "corten");
}

/** What outlives a boot: /var/lib/corten, or below the user's XDG data directory. */
export function dataDirectory(): string {
  if (isRoot()) return "/var/lib/corten";
  const data = process.env["XDG_DATA_HOME"];
  if (data?.startsWith("/")) return join(data, "corten");
  const home = process.env["HOME"];
  if (home?.startsWith("/")) return join(home, ".local/share/corten");
  throw new CortenError("failed-precondition", "no data directory: neither XDG_DATA_HOME nor HOME is set", {
    hint: "name one with --root",
  });
}

export interface DirectoryOptions {
  /** Accept one that others may read, as long as they cannot write: what is private lies in directories below. Default: false. */
  readonly readable?: boolean;
}

/**
 * Makes sure that `path` is a directory that belongs to the calling user, making it (mode 0700) and its parents where
 * they are missing. A directory that others could have prepared, or can reach, is refused (CVE-2024-25621).
 *
 * @throws permission-denied when it is a symlink, no directory, another user's, or open to group or others
 */
export function ensurePrivateDirectory(path: string, options: DirectoryOptions = {}): void {
  // Nearly always it is there, and a look costs a tenth of an exception.
  let stat = look(path);
  if (stat === undefined) {
    if (makeDirectory(path)) return;
    stat = lstatSync(path);
  }
  if (!stat.isDirectory()) throw new CortenError("permission-denied", `${path} is not a directory`);
  if (stat.uid !== process.geteuid?.()) {
    throw new CortenError(
      "permission-denied",
      `${path} belongs to user ${stat.uid}, not to the calling user`,
    );
  }
  const closed = options.readable === true ? 0o022 : 0o077;
  if ((stat.mode & closed) !== 0) {
    throw new CortenError(
      "permission-denied",
      `${path} is open to other users (mode ${(stat.mode & 0o777).toString(8)})`,
      {
        hint: `chmod ${options.readable === true ? "go-w" : "700"} ${path}`,
      },
    );
  }
}

/** What is at `path`; undefined also where that cannot be seen: making it then tells why. */
function look(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Makes a directory of the calling user's own; false when someone else was faster. */
function makeDirectory(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") {
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
      return makeDirectory(path);
    }
    if (code === "EEXIST") return false;
    throw new CortenError("permission-denied", `cannot make the directory ${path}: ${code}`, {
      cause: error,
    });
  }
}
