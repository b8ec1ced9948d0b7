import { CortenError } from "../../spec/index.ts";
import type { ByteString } from "../byte-string.ts";
import { quoteName } from "../byte-string.ts";
import { refuseEntry } from "../layer-fault.ts";
import { NAME_MAX, readBaseName, splitPath } from "../layer-path.ts";
import type { TarEntry } from "../tar-entry.ts";
import { DEFAULT_TAR_LIMITS } from "../tar-limits.ts";
import type { FlatFile, FlatSlot } from "./flat-node.ts";
import { FlatDirectory, flatFile } from "./flat-node.ts";

/** The kernel follows as many symbolic links in one path. */
const SYMLINKS_MAX = 40;

/** A name of the finished tree; directories come before what is in them, names in byte order. */
export interface FlatEntry {
  readonly path: ByteString;
  readonly node: FlatFile | FlatDirectory;
}

/**
 * The tree that layers make when they are applied one over the other (image-spec, layer.md): names and
 * attributes only, in memory, without the content of files. Unlike overlayfs, which is shown the layers
 * side by side, this knows the whole; unlike unpacking, no name reaches the host.
 *
 * For each layer call {@link begin}, {@link apply} for its entries in order, {@link seal}.
 */
export class FlatTree {
  readonly root = new FlatDirectory(undefined);
  readonly #limit: number;
  #nodes = 1;
  #layer = -1;
  /** What the layer says of lower ones: it counts wherever in the archive it stands. */
  readonly #whiteouts = new Map<FlatDirectory, Set<ByteString>>();
  readonly #opaque = new Set<FlatDirectory>();

  /** @param limit the most files */
  constructor(limit: number = DEFAULT_TAR_LIMITS.entries) {
    this.#limit = limit;
  }

  /** Begins the next layer. */
  begin(): void {
    this.#layer++;
  }

  /**
   * Applies an entry of the layer.
   *
   * @param index which entry of the layer, counted from 0
   * @param content kept with the file
   * @throws invalid-argument on an entry that makes no sense; resource-exhausted beyond the limit
   */
  apply(entry: TarEntry, index: number, content?: string): void {
    const components = splitPath(entry.path);
    if (components === undefined) throw refuseEntry(entry, "climbs out of the root with its ..");
    const base = components.pop();
    if (base === undefined) {
      if (entry.type !== "directory") throw refuseEntry(entry, `makes the root a ${entry.type}`);
      this.root.describe(entry);
      return;
    }
    if ([...components, base].some((name) => readBaseName(name).kind === "aufs")) return;
    const meaning = readBaseName(base);
    const found = this.#follow(components, entry, meaning.kind === "file");
    if (found === undefined) return;
    const { directory, hides } = found;
    if (meaning.kind === "opaque") this.#opaque.add(directory);
    else if (meaning.kind === "whiteout") {
      const { name } = meaning;
      if (name === "" || name === "." || name === "..") throw refuseEntry(entry, "is a whiteout of no name");
      const names = this.#whiteouts.get(directory) ?? new Set();
      this.#whiteouts.set(directory, names.add(name));
    } else if (base.length > NAME_MAX) {
      throw refuseEntry(entry, `has a component of ${base.length} bytes, more than ${NAME_MAX}`);
    } else this.#put(directory, base, hides, entry, index, content);
  }

  /**
   * Ends the layer: what it hides of lower layers goes. Each directory is visited once, so that a
   * layer of opaque marks is no more work than one with as many files (CVE-2026-95838).
   *
   * @returns how many names were looked at
   */
  seal(): number {
    let looked = 0;
    const purged = new Set<FlatDirectory>();
    for (const [directory, names] of this.#whiteouts) {
      for (const name of names) {
        const slot = directory.children.get(name);
        looked++;
        if (slot === undefined) continue;
        if (slot.layer < this.#layer) directory.children.delete(name);
        else if (slot.node instanceof FlatDirectory) looked += this.#purge(slot.node, purged);
      }
    }
    for (const directory of this.#opaque) looked += this.#purge(directory, purged);
    this.#whiteouts.clear();
    this.#opaque.clear();
    return looked;
  }

  /** Every file but the root. */
  *entries(): Generator<FlatEntry, void, undefined> {
    // A stack of what is left to visit, the next on top.
    const left: FlatEntry[] = [];
    const push = (directory: FlatDirectory, prefix: ByteString) => {
      const names = [...directory.children.keys()].sort().reverse();
      for (const name of names) left.push({ path: prefix + name, node: directory.children.get(name)!.node });
    };
    push(this.root, "");
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      yield next;
      if (next.node instanceof FlatDirectory) push(next.node, `${next.path}/`);
    }
  }

  #purge(top: FlatDirectory, purged: Set<FlatDirectory>): number {
    let looked = 0;
    const left = [top];
    for (let directory = left.pop(); directory !== undefined; directory = left.pop()) {
      if (purged.has(directory)) continue;
      purged.add(directory);
      for (const [name, slot] of directory.children) {
        looked++;
        if (slot.layer < this.#layer) directory.children.delete(name);
        else if (slot.node instanceof FlatDirectory) left.push(slot.node);
      }
    }
    return looked;
  }

  #put(
    directory: FlatDirectory,
    base: ByteString,
    hides: boolean,
    entry: TarEntry,
    index: number,
    content: string | undefined,
  ): void {
    const existing = this.#visible(directory, base, hides);
    if (entry.type === "directory") {
      if (existing?.node instanceof FlatDirectory) {
        existing.node.describe(entry);
        existing.layer = this.#layer;
        return;
      }
      const made = new FlatDirectory(directory);
      made.describe(entry);
      this.#set(directory, base, made, entry);
      return;
    }
    const node =
      entry.type === "hardlink" ? this.#linkTarget(entry) : flatFile(entry, this.#layer, index, content);
    this.#set(directory, base, node, entry);
  }

  #set(directory: FlatDirectory, base: ByteString, node: FlatFile | FlatDirectory, entry: TarEntry): void {
    if (++this.#nodes > this.#limit) {
      throw new CortenError(
        "resource-exhausted",
        `layer entry ${quoteName(entry.path)} exceeds the limit of ${this.#limit} files`,
      );
    }
    directory.children.set(base, { node, layer: this.#layer });
  }

  /** What the name means so far, lower layers' files only where this one does not hide them. */
  #visible(directory: FlatDirectory, name: ByteString, hides: boolean): FlatSlot | undefined {
    const slot = directory.children.get(name);
    if (slot === undefined || slot.layer === this.#layer) return slot;
    return this.#hidesName(directory, name, hides) ? undefined : slot;
  }

  /** True when the layer has said that nothing of lower layers is left at or below `name`. */
  #hidesName(directory: FlatDirectory, name: ByteString, hides: boolean): boolean {
    return hides || this.#opaque.has(directory) || this.#whiteouts.get(directory)?.has(name) === true;
  }

  /**
   * The directory that `components` lead to, symbolic links followed inside the tree, as engines that
   * unpack follow them inside the root.
   *
   * @param strict whether something else in the way is an error; for a whiteout there is nothing to delete then
   */
  #follow(
    components: readonly ByteString[],
    entry: TarEntry,
    strict: boolean,
    make = true,
  ): { readonly directory: FlatDirectory; readonly hides: boolean } | undefined {
    let directory = this.root;
    const above: boolean[] = [];
    let hides = false;
    let links = 0;
    const left = [...components].reverse();
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        hides = above.pop() ?? false;
        directory = directory.parent ?? directory;
        continue;
      }
      const slot = this.#visible(directory, name, hides);
      if (slot === undefined) {
        if (!make) return undefined;
        checkName(name, entry);
        const made = new FlatDirectory(directory);
        this.#set(directory, name, made, entry);
        above.push(hides);
        hides = true;
        directory = made;
      } else if (slot.node instanceof FlatDirectory) {
        above.push(hides);
        hides = this.#hidesName(directory, name, hides);
        // Something of this layer will stand in it, and keeps it when the layer has a whiteout for it as well.
        if (make) slot.layer = this.#layer;
        directory = slot.node;
      } else if (slot.node.type === "symlink") {
        if (++links > SYMLINKS_MAX) throw refuseEntry(entry, "leads through too many symbolic links");
        if (slot.node.linkPath.startsWith("/")) {
          directory = this.root;
          above.length = 0;
          hides = false;
        }
        left.push(...slot.node.linkPath.split("/").reverse());
      } else if (strict) {
        throw refuseEntry(entry, `lies below ${quoteName(name)}, which is a ${slot.node.type}`);
      } else return undefined;
    }
    return { directory, hides };
  }

  /** The file that a hard link names; its own last component is not followed, as by link(2). */
  #linkTarget(entry: TarEntry): FlatFile {
    const components = splitPath(entry.linkPath);
    const base = components?.pop();
    if (components === undefined || base === undefined) {
      throw refuseEntry(
        entry,
        `is a hard link to ${quoteName(entry.linkPath)}, which is no file in the root`,
      );
    }
    const found = this.#follow(components, entry, false, false);
    const target = found && this.#visible(found.directory, base, found.hides)?.node;
    if (target === undefined)
      throw refuseEntry(entry, `is a hard link to ${quoteName(entry.linkPath)}, which is not there`);
    if (target instanceof FlatDirectory) throw refuseEntry(entry, "is a hard link to a directory");
    return target;
  }
}

function checkName(name: ByteString, entry: TarEntry): void {
  if (name.length > NAME_MAX) {
    throw refuseEntry(entry, `has a component of ${name.length} bytes, more than ${NAME_MAX}`);
  }
  if (name.startsWith(".wh.")) throw refuseEntry(entry, "has a whiteout for a directory");
}
