import type { RuntimeMount } from "../../spec/index.ts";
import * as k from "./constants.ts";

/** Attributes that are set and cleared on a mount. */
export interface Attributes {
  readonly set: number;
  readonly clear: number;
}

/** A mount's options, sorted by what the kernel makes of them. */
export interface MountOptions {
  readonly bind: boolean;
  /** The whole tree below the source, not only its own mount. */
  readonly recursive: boolean;
  /** For the mount itself. */
  readonly own: Attributes;
  /** For the mount and each one below it (`rro`, `rnosuid`, …). */
  readonly tree: Attributes;
  /** MS_* of the propagation, 0 for none. */
  readonly propagation: number;
  readonly propagationRecursive: boolean;
  /** The file system's own options: name and value. */
  readonly data: ReadonlyArray<readonly [string, string | null]>;
  /** The mode that a tmpfs was asked to have. */
  readonly hasMode: boolean;
  /** True when a tmpfs was asked to have an owner. */
  readonly hasOwner: boolean;
  /** `tmpcopyup`: a tmpfs begins with what it covers. */
  readonly copyUp: boolean;
  /** `idmap` and `ridmap`. */
  readonly idmap: IdmapOption | undefined;
  /** `remount`: changes a mount that is there already. */
  readonly remount: boolean;
  /** `iversion`: files have a version that changes with them. */
  readonly iversion: boolean;
  /** What crun has for symlinks. */
  readonly links: ReadonlySet<LinkOption>;
}

/** That the owners of a mount's files are shown through a mapping. */
export interface IdmapOption {
  /** `ridmap`: the mounts below it, too. */
  readonly recursive: boolean;
  /** What stands behind "idmap=", as crun has it; "" for nothing. */
  readonly mapping: string;
}

interface Attribute {
  readonly bit: number;
  readonly value: boolean;
  readonly atime?: boolean;
}

const ATTRIBUTES: Readonly<Record<string, Attribute>> = {
  ro: { bit: k.MOUNT_ATTR_RDONLY, value: true },
  rw: { bit: k.MOUNT_ATTR_RDONLY, value: false },
  nosuid: { bit: k.MOUNT_ATTR_NOSUID, value: true },
  suid: { bit: k.MOUNT_ATTR_NOSUID, value: false },
  nodev: { bit: k.MOUNT_ATTR_NODEV, value: true },
  dev: { bit: k.MOUNT_ATTR_NODEV, value: false },
  noexec: { bit: k.MOUNT_ATTR_NOEXEC, value: true },
  exec: { bit: k.MOUNT_ATTR_NOEXEC, value: false },
  nodiratime: { bit: k.MOUNT_ATTR_NODIRATIME, value: true },
  diratime: { bit: k.MOUNT_ATTR_NODIRATIME, value: false },
  nosymfollow: { bit: k.MOUNT_ATTR_NOSYMFOLLOW, value: true },
  symfollow: { bit: k.MOUNT_ATTR_NOSYMFOLLOW, value: false },
  noatime: { bit: k.MOUNT_ATTR_NOATIME, value: true, atime: true },
  atime: { bit: k.MOUNT_ATTR_NOATIME, value: false, atime: true },
  relatime: { bit: k.MOUNT_ATTR_RELATIME, value: true, atime: true },
  norelatime: { bit: k.MOUNT_ATTR_RELATIME, value: false, atime: true },
  strictatime: { bit: k.MOUNT_ATTR_STRICTATIME, value: true, atime: true },
  nostrictatime: { bit: k.MOUNT_ATTR_STRICTATIME, value: false, atime: true },
};

const PROPAGATIONS: Readonly<Record<string, number>> = {
  private: k.MS_PRIVATE,
  slave: k.MS_SLAVE,
  shared: k.MS_SHARED,
  unbindable: k.MS_UNBINDABLE,
};

/** Options of the superblock that fsconfig(2) takes as flags for every file system. */
const SUPERBLOCK_FLAGS = new Set(["sync", "async", "dirsync", "lazytime", "nolazytime", "mand", "nomand"]);

/** Words of fstab(5) and mount(8) that ask the kernel for nothing. */
const EMPTY_OPTIONS = new Set([
  "defaults",
  "auto",
  "noauto",
  "user",
  "nouser",
  "silent",
  "loud",
  "newinstance",
  "_netdev",
  "nofail",
  "",
]);

const LINK_OPTIONS = ["copy-symlink", "src-nofollow", "dest-nofollow"] as const;

/** How symlinks are taken: a link at the source made anew, or bound as such; one at the destination covered. */
export type LinkOption = (typeof LINK_OPTIONS)[number];

function isLinkOption(option: string): option is LinkOption {
  return (LINK_OPTIONS as readonly string[]).includes(option);
}

/** The names of all options that are understood, for `features`. */
export function mountOptionNames(): readonly string[] {
  return [
    ...[...Object.keys(ATTRIBUTES), ...Object.keys(PROPAGATIONS)].flatMap((name) => [name, `r${name}`]),
    ...SUPERBLOCK_FLAGS,
    ...["bind", "rbind", "remount", "defaults", "tmpcopyup", "idmap", "ridmap"],
    ...["iversion", "noiversion", "silent", "loud"],
    ...LINK_OPTIONS,
  ].sort();
}

/** Collects attribute options; the last of two contrary ones wins, as mount(8) has it. */
class AttributeSet {
  set = 0;
  clear = 0;

  apply({ bit, value, atime }: Attribute): void {
    if (atime === true) {
      // The access-time mode is one field of three bits: a new value replaces the old one whole.
      this.set = (this.set & ~k.MOUNT_ATTR__ATIME) | (value ? bit : k.MOUNT_ATTR_RELATIME);
      this.clear |= k.MOUNT_ATTR__ATIME;
      return;
    }
    this.set = value ? this.set | bit : this.set & ~bit;
    this.clear = value ? this.clear & ~bit : this.clear | bit;
  }
}

/** Sorts the options of one mount (runtime-spec, config.md "Mounts" and config-linux.md "Mount options"). */
export function readMountOptions(mount: RuntimeMount): MountOptions {
  const own = new AttributeSet();
  const tree = new AttributeSet();
  const data: Array<readonly [string, string | null]> = [];
  const links = new Set<LinkOption>();
  let remount = false;
  let iversion = false;
  let idmap: IdmapOption | undefined;
  let bind = mount.type === "bind";
  let copyUp = false;
  let recursive = false;
  let propagation = 0;
  let propagationRecursive = false;
  for (const option of mount.options ?? []) {
    const bare = option.startsWith("r") ? option.slice(1) : "";
    if (option === "bind" || option === "rbind") {
      bind = true;
      recursive ||= option === "rbind";
    } else if (Object.hasOwn(ATTRIBUTES, option)) own.apply(ATTRIBUTES[option]!);
    else if (Object.hasOwn(ATTRIBUTES, bare)) tree.apply(ATTRIBUTES[bare]!);
    else if (Object.hasOwn(PROPAGATIONS, option) || Object.hasOwn(PROPAGATIONS, bare)) {
      propagationRecursive = !Object.hasOwn(PROPAGATIONS, option);
      propagation = PROPAGATIONS[propagationRecursive ? bare : option]!;
    } else if (option === "tmpcopyup") copyUp = true;
    else if (/^r?idmap(?:=|$)/.test(option)) {
      idmap = { recursive: option.startsWith("r"), mapping: option.replace(/^r?idmap=?/, "") };
    } else if (option === "remount") remount = true;
    else if (option === "iversion" || option === "noiversion") iversion = option === "iversion";
    else if (isLinkOption(option)) links.add(option);
    else if (!EMPTY_OPTIONS.has(option)) data.push(splitOption(option));
  }
  return {
    bind,
    recursive,
    own: { set: own.set, clear: own.clear },
    tree: { set: tree.set, clear: tree.clear },
    propagation,
    propagationRecursive,
    data,
    hasMode: data.some(([name]) => name === "mode"),
    hasOwner: data.some(([name]) => name === "uid" || name === "gid"),
    copyUp,
    idmap,
    remount,
    iversion,
    links,
  };
}

function splitOption(option: string): readonly [string, string | null] {
  const equals = option.indexOf("=");
  return equals < 0 ? [option, null] : [option.slice(0, equals), option.slice(equals + 1)];
}
