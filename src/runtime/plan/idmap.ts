import { posix } from "node:path";
import type { RuntimeIdMapping, RuntimeMount } from "../../spec/index.ts";
import { configFault, shown } from "../config/check.ts";
import type { SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import { coveredIn } from "./earlier-mounts.ts";
import type { LaunchInput } from "./launch-input.ts";
import { type IdmapOption, type MountOptions, readMountOptions } from "./mount-options.ts";
import type { Register } from "./operation.ts";

/*
 * Mounts that show their files' owners through a mapping (config-linux.md "Mount options"; Linux 5.12). The mapping is
 * that of a user namespace. The host's section makes it, and clones and maps the sources of bind mounts: that takes
 * rights over the file system, which a container with a user namespace of its own lacks.
 */

/** A mount with a mapping. */
export interface MappedMount {
  readonly userns: Register;
  readonly recursive: boolean;
  /** A bind mount's source, cloned and mapped; what an earlier mount shows is opened only then. */
  readonly tree: Register | undefined;
}

interface Mapping {
  readonly uids: readonly RuntimeIdMapping[];
  readonly gids: readonly RuntimeIdMapping[];
}

/** The kernel's limit of lines in a map. */
const MAX_LINES = 340;

/** Mappings by the index of the mount; `release` lets go of the host section's descriptors once the child has its own. */
export interface MappedMounts {
  readonly mounts: ReadonlyMap<number, MappedMount>;
  readonly release: () => void;
}

/** Prepares the mapped mounts in the host's section. */
export function prepareMappedMounts(h: SectionBuilder, input: LaunchInput): MappedMounts {
  const mounts = new Map<number, MappedMount>();
  const namespaces = new Map<string, Register>();
  for (const [index, mount] of (input.config.mounts ?? []).entries()) {
    const options = readMountOptions(mount);
    const { idmap } = options;
    if (idmap === undefined && !hasMappings(mount)) continue;
    const at = `/mounts/${index}`;
    h.at(at, () => {
      const userns = openNamespace(h, input, mount, idmap, at, namespaces);
      const recursive = idmap?.recursive === true;
      const early = options.bind && coveredIn(input, index) === undefined;
      const tree = early ? cloneSource(h, input, mount, options, { userns, recursive }) : undefined;
      mounts.set(index, { userns, recursive, tree });
    });
  }
  const release = () => {
    for (const { tree } of mounts.values()) if (tree !== undefined) h.close(tree);
    for (const userns of namespaces.values()) h.close(userns);
  };
  return { mounts, release };
}

function hasMappings({ uidMappings, gidMappings }: RuntimeMount): boolean {
  return (uidMappings ?? []).length > 0 || (gidMappings ?? []).length > 0;
}

function openNamespace(
  h: SectionBuilder,
  input: LaunchInput,
  mount: RuntimeMount,
  idmap: IdmapOption | undefined,
  at: string,
  known: Map<string, Register>,
): Register {
  const { linux } = input.config;
  const container: Mapping = { uids: linux?.uidMappings ?? [], gids: linux?.gidMappings ?? [] };
  const joined = linux?.namespaces?.find(({ type, path }) => type === "user" && (path ?? "") !== "")?.path;
  const own = hasMappings(mount)
    ? { uids: mount.uidMappings ?? [], gids: mount.gidMappings ?? [] }
    : idmap !== undefined && idmap.mapping !== ""
      ? parseIdmap(idmap.mapping, container, `${at}/options`)
      : undefined;
  const mapping = own ?? container;
  if (own === undefined && joined !== undefined) {
    return remembered(known, joined, () => {
      const userns = h.take(joined);
      h.add("open", { out: userns, dir: null, path: joined, flags: k.O_RDONLY, mode: 0 });
      return userns;
    });
  }
  if (own === undefined && mapping.uids.length + mapping.gids.length === 0) {
    throw configFault(
      `${at}/options`,
      "ask for an id mapping, but neither the mount nor the container has one",
      "give the mount uidMappings and gidMappings",
    );
  }
  const uids = lines(mapping.uids, `${at}/uidMappings`);
  const gids = lines(mapping.gids, `${at}/gidMappings`);
  return remembered(known, `${uids}\0${gids}`, () => {
    const userns = h.take("user namespace of a mount");
    h.add("openUserNamespace", { out: userns, uids, gids });
    return userns;
  });
}

function remembered(known: Map<string, Register>, key: string, make: () => Register): Register {
  const register = known.get(key) ?? make();
  known.set(key, register);
  return register;
}

/** The text of uid_map and gid_map. */
function lines(mappings: readonly RuntimeIdMapping[], at: string): string {
  if (mappings.length === 0) {
    throw configFault(at, "is missing: a mapping of users needs one of groups, and the reverse");
  }
  if (mappings.length > MAX_LINES) throw configFault(at, `has more than ${MAX_LINES} entries`);
  return mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");
}

function cloneSource(
  h: SectionBuilder,
  input: LaunchInput,
  { source }: RuntimeMount,
  options: MountOptions,
  mapping: Pick<MappedMount, "userns" | "recursive">,
): Register | undefined {
  // What is missing is told where the mount itself is compiled.
  if (source === undefined || source === "") return undefined;
  const path = posix.resolve(input.bundle, source);
  const tree = h.take(path);
  const reach = options.recursive ? k.AT_RECURSIVE : 0;
  const noFollow = options.links.has("src-nofollow") ? k.AT_SYMLINK_NOFOLLOW : 0;
  h.add("openTree", { out: tree, dir: null, path, flags: k.OPEN_TREE_CLONE | reach | noFollow });
  // The clone is a peer of the host's mount, while one that the container makes comes from a slave or private one.
  const root = (input.config.linux?.rootfsPropagation ?? "").replace(/^r/, "");
  const propagation = root === "private" ? k.MS_PRIVATE : root === "shared" ? 0 : k.MS_SLAVE;
  if (propagation !== 0) {
    h.add("setMountAttributes", { target: tree, recursive: 1, set: 0, clear: 0, propagation, userns: null });
  }
  mapOwners(h, tree, mapping);
  return tree;
}

/** Maps the owners of a mount that is still detached: an attached one cannot be mapped. */
export function mapOwners(
  section: SectionBuilder,
  target: Register,
  { userns, recursive }: Pick<MappedMount, "userns" | "recursive">,
): void {
  section.add("setMountAttributes", {
    target,
    recursive: recursive ? 1 : 0,
    set: 0,
    clear: 0,
    propagation: 0,
    userns,
  });
}

/**
 * crun's form of the option: `uids=FROM-TO-SIZE#…;gids=…`, FROM being the file system's. With "@" before FROM, TO is an
 * ID of the container.
 */
export function parseIdmap(text: string, container: Mapping, at: string): Mapping {
  const parts = new Map<string, RuntimeIdMapping[]>();
  for (const part of text.split(";")) {
    const [name = "", list = ""] = part.split("=", 2);
    if ((name !== "uids" && name !== "gids") || parts.has(name)) throw badMapping(text, at);
    parts.set(
      name,
      list.split("#").map((entry) => parseEntry(entry, container[name], text, at)),
    );
  }
  return { uids: parts.get("uids") ?? [], gids: parts.get("gids") ?? [] };
}

const MAX_ID = 0xffff_ffff;

function parseEntry(
  entry: string,
  container: readonly RuntimeIdMapping[],
  text: string,
  at: string,
): RuntimeIdMapping {
  const match = /^(@?)(\d{1,10})-(\d{1,10})-(\d{1,10})$/.exec(entry);
  if (match === null) throw badMapping(text, at);
  const [containerID, to, size] = match.slice(2).map(Number) as [number, number, number];
  if (containerID > MAX_ID || to > MAX_ID || size > MAX_ID) throw badMapping(text, at);
  if (match[1] === "") return { containerID, hostID: to, size };
  const around = container.find((one) => to >= one.containerID && to + size <= one.containerID + one.size);
  if (around === undefined) {
    throw configFault(at, `map IDs that the container's user namespace does not have: ${shown(entry)}`);
  }
  return { containerID, hostID: to - around.containerID + around.hostID, size };
}

function badMapping(text: string, at: string): Error {
  return configFault(
    at,
    `have a mapping that cannot be read: ${shown(text)}`,
    "write idmap=uids=FROM-TO-SIZE#…;gids=FROM-TO-SIZE#…",
  );
}
