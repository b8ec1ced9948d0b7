import type { ByteString } from "./byte-string.ts";
import { toBytes } from "./byte-string.ts";
import { canHoldXattr } from "./erofs-xattr.ts";
import type { LayerNames } from "./layer-names.ts";
import { parentOf } from "./layer-names.ts";
import { NAME_MAX, readBaseName, splitPath } from "./layer-path.ts";
import type { LayerRule } from "./layer-rules.ts";
import type { TarEntry } from "./tar-entry.ts";

/** Takes a broken rule of the entry that is being judged. */
export type ReportEntry = (rule: LayerRule, message: string) => void;

/** What an entry is judged against. */
export interface EntryContext {
  /** The names of this layer so far; the entry's is added. */
  readonly names: LayerNames;
  /** Those of the layers below, the highest last. */
  readonly below: readonly LayerNames[];
}

/** Judges one entry of a layer (layer.md). */
export function examineEntry(entry: TarEntry, { names, below }: EntryContext, report: ReportEntry): void {
  examineName(entry, report);
  examineContent(entry, report);
  const components = splitPath(entry.path);
  if (components === undefined) return;
  const path = components.join("/");
  const base = components.pop();
  if (base === undefined) {
    if (entry.type !== "directory") report("root", `makes the root a ${entry.type}`);
  } else {
    examineParents(components, names, report);
    examineBase(base, path, entry, { names, below }, report);
  }
  if (names.get(path) !== undefined) report("duplicate-entry", "has the path of an entry before it");
  if (entry.type === "hardlink") examineHardLink(entry, names, below, report);
  // A link to a link of the layer is what that is; its own type says enough for those that lie below it.
  names.add(path, entry.type);
}

function examineName({ path }: TarEntry, report: ReportEntry): void {
  const components = path.split("/");
  if (path.startsWith("/")) report("name-absolute", "has an absolute name");
  if (splitPath(path) === undefined) report("name-escapes", "climbs out of the root with its ..");
  else if (components.includes("..")) report("name-dots", "has .. in its name");
  if (components.some((name) => name.length > NAME_MAX)) {
    report("name-length", `has a component longer than ${NAME_MAX} bytes`);
  }
  if (!isUTF8(path)) report("name-encoding", "has a name that is not UTF-8");
}

function examineContent(entry: TarEntry, report: ReportEntry): void {
  if (entry.sparse !== undefined) report("sparse", "is a sparse file");
  const { deviceMajor: major, deviceMinor: minor } = entry;
  const isDevice = entry.type === "char-device" || entry.type === "block-device";
  if (isDevice && (major > 0xfff || minor > 0xf_ffff)) {
    report("device", `has the device number ${major}:${minor}, which Linux does not have`);
  }
  for (const name of entry.xattrs.keys()) {
    if (!canHoldXattr(name)) report("xattr", `has the attribute ${JSON.stringify(name.slice(0, 100))}`);
  }
}

function examineParents(components: readonly ByteString[], names: LayerNames, report: ReportEntry): void {
  let parent = "";
  for (const name of components) {
    parent = parent === "" ? name : `${parent}/${name}`;
    const type = names.get(parent);
    if (type === undefined || type === "directory") continue;
    if (type === "symlink")
      report("parent-link", `lies below ${JSON.stringify(parent.slice(0, 200))}, a symbolic link`);
    else report("parent", `lies below ${JSON.stringify(parent.slice(0, 200))}, which is a ${type}`);
    return;
  }
}

function examineBase(
  base: ByteString,
  path: ByteString,
  entry: TarEntry,
  { names, below }: EntryContext,
  report: ReportEntry,
): void {
  const meaning = readBaseName(base);
  if (meaning.kind === "file") return;
  if (meaning.kind === "aufs") {
    report("aufs", "is bookkeeping of aufs, not a file of the image");
    return;
  }
  if (meaning.kind === "whiteout" && ["", ".", ".."].includes(meaning.name)) {
    report("whiteout-name", "is a whiteout of no name");
  }
  if (entry.type !== "file" || entry.size > 0)
    report("whiteout-type", "is a whiteout, but not an empty file");
  if (names.hasEntriesIn(parentOf(path)))
    report("whiteout-order", "is a whiteout behind other entries of its directory");
  if (below.length === 0) report("whiteout-lowest", "is a whiteout in the lowest layer, which hides nothing");
}

function examineHardLink(
  entry: TarEntry,
  names: LayerNames,
  below: readonly LayerNames[],
  report: ReportEntry,
): void {
  const target = splitPath(entry.linkPath)?.join("/");
  const shown = JSON.stringify(entry.linkPath.slice(0, 200));
  if (target === undefined) {
    report("hard-link", `is a hard link to ${shown}, outside the root`);
    return;
  }
  const layers = [...below, names];
  const typeOf = (path: ByteString) => layers.findLast((layer) => layer.get(path) !== undefined)?.get(path);
  const own = names.get(target);
  const lower = own ?? typeOf(target);
  // Along a link of a directory, such as `lib -> usr/lib`, the target may be anywhere in the root.
  if (lower === undefined && prefixes(target).some((path) => typeOf(path) === "symlink")) return;
  if (lower === undefined) report("hard-link", `is a hard link to ${shown}, which no entry before it is`);
  else if (lower === "directory") report("hard-link", `is a hard link to ${shown}, a directory`);
  else if (own === undefined) report("hard-link-below", `is a hard link to ${shown} of a lower layer`);
}

/** The directories on the way to `path`. */
function prefixes(path: ByteString): ByteString[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

function isUTF8(name: ByteString): boolean {
  for (let i = 0; i < name.length; i++) {
    if (name.charCodeAt(i) > 0x7f) return toBytes(name).toString("utf8").includes("\ufffd") === false;
  }
  return true;
}
