import { type HostFacts, kernelAtLeast } from "../../host/index.ts";
import { CortenError } from "../../spec/index.ts";
import type { SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import type { Register } from "./operation.ts";
import type { LayeredRoot, RootUpper } from "./root-recipe.ts";
import { MAX_DETACHED, type SharedLayers } from "./shared-layers.ts";

/** Layers that overlayfs stacks at most. */
const MAX_LAYERS = 500;
/** fsconfig(2) takes strings of at most 255 bytes. */
const MAX_VALUE = 255;

interface Surroundings {
  readonly host: HostFacts;
  /** Mounted in a user namespace: overlayfs keeps its notes in attributes of the user then (Linux 5.11). */
  readonly inUserNamespace: boolean;
  /** A directory of the host that may be covered in the container's namespace, absolute. */
  readonly stage: string;
  readonly hostRoot: Register;
  /** Layers that the host's section has opened already. */
  readonly clones: SharedLayers;
}

/** A mount that is the container's root; `attached` when it already has a place in the namespace. */
interface Stacked {
  readonly mount: Register;
  readonly attached: boolean;
}

/**
 * Mounts the layers and puts overlay over them. Since 6.15 none of the layers needs a place in any mount table:
 * overlay takes them by descriptor. Before, they are attached below a tmpfs in the container's own namespace.
 */
export function stackLayers(c: SectionBuilder, recipe: LayeredRoot, around: Surroundings): Stacked {
  const { layers, upper } = recipe;
  if (around.inUserNamespace && layers.some(({ kind }) => kind === "erofs")) {
    throw new CortenError("failed-precondition", "an EROFS image cannot be mounted in a user namespace", {
      hint: "unpack it into a directory",
    });
  }
  if (layers.length === 0)
    throw new CortenError("invalid-argument", "a root file system needs at least one layer");
  if (layers.length > MAX_LAYERS) {
    throw new CortenError(
      "invalid-argument",
      `${layers.length} layers are more than overlay takes (${MAX_LAYERS})`,
    );
  }
  if (layers.length === 1 && upper.kind === "none") {
    return { mount: mountLayer(c, recipe, 0, around, "rootfs"), attached: false };
  }
  return kernelAtLeast(around.host.kernel, 6, 15) && layers.length <= MAX_DETACHED
    ? stackDetached(c, recipe, around)
    : stackAttached(c, recipe, around);
}

function mountLayer(
  c: SectionBuilder,
  { layers }: LayeredRoot,
  index: number,
  { host, clones }: Surroundings,
  label?: string,
): Register {
  const clone = clones.get(index);
  if (clone !== undefined) return clone;
  const layer = layers[index]!;
  if (layer.kind === "directory") {
    const tree = c.take(label ?? layer.path);
    c.add("openTree", { out: tree, dir: null, path: layer.path, flags: k.OPEN_TREE_CLONE });
    return tree;
  }
  const fs = c.take("new erofs");
  c.add("openFilesystem", { out: fs, type: "erofs" });
  // A file is what EROFS takes since 6.12; before, a block device.
  const loop = kernelAtLeast(host.kernel, 6, 12) ? undefined : c.take(`loop device of ${layer.file}`);
  if (loop === undefined) {
    c.add("configure", { fs, key: "source", value: layer.file });
    if (layer.archive !== undefined) c.add("configure", { fs, key: "device", value: layer.archive });
  } else c.add("attachLoop", { out: loop, fs, file: layer.file });
  c.add("configure", { fs, key: "ro", value: null });
  const mount = c.take(label ?? layer.file.slice(layer.file.lastIndexOf("/") + 1));
  c.add("createMount", { out: mount, fs, attributes: k.MOUNT_ATTR_RDONLY });
  c.release(fs);
  if (loop !== undefined) c.close(loop);
  return mount;
}

function stackDetached(c: SectionBuilder, recipe: LayeredRoot, around: Surroundings): Stacked {
  const { layers, upper } = recipe;
  const overlay = openOverlay(c, around);
  // A detached mount is gone once its descriptor closes, and overlay looks at its layers only when it is made.
  const held: Register[] = [];
  // The topmost layer is named first.
  for (const index of [...layers.keys()].reverse()) {
    const mount = mountLayer(c, recipe, index, around);
    c.add("configureDescriptor", { fs: overlay, key: "lowerdir+", fd: mount });
    held.push(mount);
  }
  if (upper.kind === "tmpfs") {
    const memory = mountMemory(c, upper);
    for (const [key, name] of UPPER_DIRECTORIES) {
      const directory = c.take(name);
      c.add("makeDirectory", { dir: memory, path: name, mode: 0o755 });
      c.add("open", { out: directory, dir: memory, path: name, flags: k.O_PATH | k.O_DIRECTORY, mode: 0 });
      c.add("configureDescriptor", { fs: overlay, key, fd: directory });
      c.close(directory);
    }
    held.push(memory);
  } else if (upper.kind === "directory") configureUpper(c, overlay, upper);
  const mount = createOverlay(c, overlay);
  for (const register of held) letGo(c, register, around);
  return { mount, attached: false };
}

const UPPER_DIRECTORIES = [
  ["upperdir", "upper"],
  ["workdir", "work"],
] as const;

/** What the host's section opened is its own to give out again. */
function letGo(c: SectionBuilder, register: Register, { clones }: Surroundings): void {
  if ([...clones.values()].includes(register)) c.add("close", { fd: register });
  else c.close(register);
}

function stackAttached(c: SectionBuilder, recipe: LayeredRoot, around: Surroundings): Stacked {
  const { layers, upper } = recipe;
  const { host, stage, hostRoot } = around;
  const base = mountMemory(c, { kind: "tmpfs" });
  c.add("moveMount", { from: base, to: hostRoot, path: stage.slice(1) });
  const paths = layers.map((_, index) => {
    const mount = mountLayer(c, recipe, index, around);
    c.add("makeDirectory", { dir: base, path: `${index}`, mode: 0o755 });
    c.add("moveMount", { from: mount, to: base, path: `${index}` });
    letGo(c, mount, around);
    return `${stage}/${index}`;
  });
  const overlay = openOverlay(c, around);
  const topFirst = paths.toReversed();
  if (kernelAtLeast(host.kernel, 6, 8)) {
    for (const path of topFirst) c.add("configure", { fs: overlay, key: "lowerdir+", value: bounded(path) });
  } else {
    const value = topFirst.map((path) => path.replaceAll(/[\\:,]/g, "\\$&")).join(":");
    c.add("configure", { fs: overlay, key: "lowerdir", value: bounded(value) });
  }
  if (upper.kind === "tmpfs") {
    const memory = mountMemory(c, upper);
    c.add("makeDirectory", { dir: base, path: "memory", mode: 0o755 });
    c.add("moveMount", { from: memory, to: base, path: "memory" });
    for (const [key, name] of UPPER_DIRECTORIES) {
      c.add("makeDirectory", { dir: memory, path: name, mode: 0o755 });
      c.add("configure", { fs: overlay, key, value: bounded(`${stage}/memory/${name}`) });
    }
    c.close(memory);
  } else if (upper.kind === "directory") configureUpper(c, overlay, upper);
  const mount = createOverlay(c, overlay);
  c.add("makeDirectory", { dir: base, path: "root", mode: 0o755 });
  c.add("moveMount", { from: mount, to: base, path: "root" });
  c.close(base);
  return { mount, attached: true };
}

function openOverlay(c: SectionBuilder, { inUserNamespace }: Surroundings): Register {
  const overlay = c.take("new overlay");
  c.add("openFilesystem", { out: overlay, type: "overlay" });
  c.add("configure", { fs: overlay, key: "source", value: "overlay" });
  if (inUserNamespace) c.add("configure", { fs: overlay, key: "userxattr", value: null });
  return overlay;
}

function createOverlay(c: SectionBuilder, overlay: Register): Register {
  const mount = c.take("rootfs");
  c.add("createMount", { out: mount, fs: overlay, attributes: 0 });
  c.release(overlay);
  return mount;
}

function configureUpper(
  c: SectionBuilder,
  overlay: Register,
  upper: Extract<RootUpper, { kind: "directory" }>,
): void {
  c.add("configure", { fs: overlay, key: "upperdir", value: bounded(upper.upper) });
  c.add("configure", { fs: overlay, key: "workdir", value: bounded(upper.work) });
  if (upper.volatile === true) c.add("configure", { fs: overlay, key: "volatile", value: null });
}

function mountMemory(c: SectionBuilder, { sizeBytes }: Extract<RootUpper, { kind: "tmpfs" }>): Register {
  const fs = c.take("new tmpfs");
  c.add("openFilesystem", { out: fs, type: "tmpfs" });
  c.add("configure", { fs, key: "mode", value: "755" });
  if (sizeBytes !== undefined) c.add("configure", { fs, key: "size", value: `${sizeBytes}` });
  const memory = c.take("tmpfs");
  c.add("createMount", { out: memory, fs, attributes: 0 });
  c.release(fs);
  return memory;
}

function bounded(value: string): string {
  if (Buffer.byteLength(value) <= MAX_VALUE) return value;
  throw new CortenError(
    "failed-precondition",
    `${value.slice(0, 60)}… is longer than the kernel takes for overlay`,
    {
      hint: "use a shorter data directory, or Linux 6.15",
    },
  );
}
