import { CortenError, type RuntimeConfig } from "../../spec/index.ts";
import { Registers, SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import type { LaunchInput } from "./launch-input.ts";
import { type LaunchPlan, PLAN_VERSION, type Register } from "./operation.ts";

/*
 * Mounts of a container without a mount namespace of its own. It inherits the runtime's (config-linux.md
 * "Namespaces"), so its mounts are the host's, and outlive its processes. They all hang on one mount, a clone of the
 * root directory over itself: taking that away takes all of them away, and the directory is as it was.
 */

/** True for a configuration that needs its root to be such a mount. */
export function mountsWithoutNamespace({ linux, mounts, root }: RuntimeConfig): boolean {
  if ((linux?.namespaces ?? []).some(({ type }) => type === "mount")) return false;
  return (
    root?.readonly === true ||
    [mounts, linux?.maskedPaths, linux?.readonlyPaths].some((list) => (list ?? []).length > 0)
  );
}

/** Puts the clone over the root directory. By the host's section, whose cleanup takes it away again. */
export function coverRoot(h: SectionBuilder, { root }: LaunchInput): Register {
  if (root.kind !== "directory") {
    throw new CortenError("invalid-argument", "a root file system of layers needs a mount namespace", {
      pointer: "/linux/namespaces",
    });
  }
  const place = h.take(root.path);
  const mount = h.take("rootfs");
  h.at("/root/path", () => {
    h.add("open", { out: place, dir: null, path: root.path, flags: k.O_PATH | k.O_DIRECTORY, mode: 0 });
    h.add("openTree", { out: mount, dir: place, path: "", flags: k.OPEN_TREE_CLONE | k.AT_RECURSIVE });
    // What the container mounts in it must not appear in other mount namespaces as well.
    const propagation = k.MS_PRIVATE;
    h.add("setMountAttributes", { target: mount, recursive: 1, set: 0, clear: 0, propagation, userns: null });
    h.add("moveMount", { from: mount, to: place, path: "" });
  });
  h.close(place);
  return mount;
}

/** The plan that takes the uppermost mount at `path` away, with everything mounted in it. */
export function compileUnmount(
  path: string,
  files: Pick<LaunchPlan, "failureFile" | "onFailure">,
): LaunchPlan {
  const registers = new Registers();
  const h = new SectionBuilder("host", registers);
  const mount = h.take(path);
  h.add("open", { out: mount, dir: null, path, flags: k.O_PATH | k.O_DIRECTORY, mode: 0 });
  h.add("unmount", { mount });
  h.add("finish", { code: 0 });
  return {
    version: PLAN_VERSION,
    registers: registers.labels,
    sections: { host: h.operations, container: [], cleanup: [] },
    ...files,
  };
}
