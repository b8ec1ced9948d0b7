/** One line of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export interface MountEntry {
  readonly id: number;
  readonly parent: number;
  /** The directory of the file system that forms the mount's root. */
  readonly root: string;
  readonly mountpoint: string;
  readonly options: readonly string[];
  /** Peer group, when the mount is shared. */
  readonly shared: boolean;
  readonly type: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

/**
 * Parses mountinfo; lines that do not have its form are left out.
 *
 * @param having only lines that hold this text, e.g. ` - cgroup`: on the path of a start most lines do not matter
 */
export function parseMountTable(text: string, having = ""): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split("\n")) {
    if (!line.includes(having)) continue;
    const separator = line.indexOf(" - ");
    if (separator < 0) continue;
    const [id, parent, , root, mountpoint, options, ...tags] = line.slice(0, separator).split(" ");
    const [type, source, superOptions] = line.slice(separator + 3).split(" ");
    if (mountpoint === undefined || root === undefined || type === undefined) continue;
    entries.push({
      id: Number(id),
      parent: Number(parent),
      root: unescapeOctal(root),
      mountpoint: unescapeOctal(mountpoint),
      options: options?.split(",") ?? [],
      shared: tags.some((tag) => tag.startsWith("shared:")),
      type,
      source: unescapeOctal(source ?? ""),
      superOptions: superOptions?.split(",") ?? [],
    });
  }
  return entries;
}

/** The kernel writes blank, tab, newline and backslash as `\040` and so on. */
function unescapeOctal(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** The mount that `path` is on: the longest mount point that is a prefix; of equal ones the last, which covers. */
export function mountOf(entries: readonly MountEntry[], path: string): MountEntry | undefined {
  let found: MountEntry | undefined;
  for (const entry of entries) {
    const { mountpoint } = entry;
    const below = mountpoint === "/" || path === mountpoint || path.startsWith(`${mountpoint}/`);
    if (below && (found === undefined || mountpoint.length >= found.mountpoint.length)) found = entry;
  }
  return found;
}
