import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { commandOutput } from "./command.ts";
import { repository } from "./programs.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

export type DebianRootfsOptions = {
  /** Packages beside the minimal system, e.g. `nginx-light`; each set has its own cached archive. */
  readonly include?: readonly string[];
  readonly suite?: string;
};

/**
 * Returns the path of a tar archive with a minimal Debian made by debootstrap; needs root. It is made once, in
 * about a minute, and kept in .cache/. Its files are real: owners, links, devices, more than 5,000 entries.
 */
export async function debianRootfs({
  include = [],
  suite = "bookworm",
}: DebianRootfsOptions = {}): Promise<string> {
  const cache = join(repository, ".cache");
  const archive = join(cache, `${["debian", suite, ...[...include].sort()].join("-")}.tar`);
  if (existsSync(archive)) return archive;
  mkdirSync(cache, { recursive: true });
  using scratch = temporaryDirectory("debootstrap");
  const target = join(scratch.path, "rootfs");
  const extra = include.length > 0 ? [`--include=${include.join(",")}`] : [];
  await commandOutput("debootstrap", ["--variant=minbase", ...extra, suite, target, debianMirror()], {
    timeoutMs: 10 * 60_000,
  });
  for (const folder of ["var/cache/apt/archives", "var/lib/apt/lists"]) {
    rmSync(join(target, folder), { recursive: true, force: true });
  }
  const fresh = `${archive}.${process.pid}`;
  await commandOutput("tar", ["--numeric-owner", "--xattrs", "--sort=name", "-C", target, "-cf", fresh, "."]);
  renameSync(fresh, archive);
  return archive;
}

/** Unpacks the archive of {@link debianRootfs} into `directory` (created). */
export async function unpackDebianRootfs(directory: string, options?: DebianRootfsOptions): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const archive = await debianRootfs(options);
  await commandOutput("tar", ["--numeric-owner", "--xattrs", "-C", directory, "-xpf", archive]);
}

/** The mirror that this machine's apt uses, so that a private one is found too. */
function debianMirror(): string {
  for (const file of ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"]) {
    if (!existsSync(file)) continue;
    const found = /^(?:URIs:|deb(?: \[[^\]]*\])?) *(https?:\/\/\S+)/m.exec(readFileSync(file, "utf8"));
    if (found) return found[1]!;
  }
  return "http://deb.debian.org/debian";
}
