import type { ContainerCgroup } from "../cgroup/layout.ts";
import { unifiedGroup } from "../cgroup/layout.ts";
import { configFault } from "../config/check.ts";
import type { SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import type { LaunchInput } from "./launch-input.ts";
import type { MountOptions } from "./mount-options.ts";
import type { Register } from "./operation.ts";

/**
 * The control groups as the container sees them: a bind of its own group in each hierarchy. Inside a cgroup
 * namespace that looks exactly like a mount of the hierarchy, and without one it still shows no other container's
 * group (CVE-2023-25809), so both cases take the same way.
 */
export function mountCgroups(
  c: SectionBuilder,
  root: Register,
  destination: string,
  options: MountOptions,
  input: LaunchInput,
  pointer: string,
): void {
  const { cgroups } = input;
  const attributes = (options.own.set | options.tree.set) >>> 0;
  const target = c.take(destination);
  c.add("resolve", { out: target, root, path: destination.slice(1), create: 1, mode: 0o755, directory: 1 });
  if (cgroups.mode === "unified") {
    const group = unifiedGroup(cgroups);
    if (group === undefined) throw configFault(pointer, "needs a control group, and this host mounts none");
    const tree = cloneGroup(c, group);
    setAll(c, tree, attributes, 0);
    c.add("moveMount", { from: tree, to: target, path: "" });
    c.close(target);
    c.close(tree);
    return;
  }
  const groups = cgroups.groups.filter(({ hierarchy }) => hierarchy.version === 1);
  if (groups.length === 0) throw configFault(pointer, "needs a control group, and this host mounts none");
  const base = mountBase(c, target, attributes & ~k.MOUNT_ATTR_RDONLY);
  const names = new Set<string>();
  for (const group of groups) {
    const { directory, controllers } = group.hierarchy;
    if (names.has(directory)) continue;
    names.add(directory);
    c.add("makeDirectory", { dir: base, path: directory, mode: 0o755 });
    const tree = cloneGroup(c, group);
    c.add("moveMount", { from: tree, to: base, path: directory });
    c.close(tree);
    // `cpu,cpuacct` is also reached as `cpu` and as `cpuacct`.
    for (const name of controllers) {
      if (name === directory || name.startsWith("name=") || names.has(name)) continue;
      names.add(name);
      c.add("makeSymlink", { dir: base, path: name, target: directory, replace: 0 });
    }
  }
  setAll(c, base, attributes, 1);
  c.close(base);
}

function mountBase(c: SectionBuilder, target: Register, attributes: number): Register {
  const fs = c.take("new tmpfs for cgroups");
  c.add("openFilesystem", { out: fs, type: "tmpfs" });
  c.add("configure", { fs, key: "mode", value: "755" });
  const base = c.take("tmpfs for cgroups");
  c.add("createMount", { out: base, fs, attributes });
  c.release(fs);
  c.add("moveMount", { from: base, to: target, path: "" });
  c.close(target);
  return base;
}

function cloneGroup(c: SectionBuilder, { path }: ContainerCgroup): Register {
  const tree = c.take(path);
  c.add("openTree", { out: tree, dir: null, path, flags: k.OPEN_TREE_CLONE });
  return tree;
}

function setAll(c: SectionBuilder, target: Register, set: number, recursive: number): void {
  if (set === 0) return;
  const clear = (set & k.MOUNT_ATTR__ATIME) === 0 ? 0 : k.MOUNT_ATTR__ATIME;
  c.add("setMountAttributes", { target, recursive, set, clear, propagation: 0, userns: null });
}
