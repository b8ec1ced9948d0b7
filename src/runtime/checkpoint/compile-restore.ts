import { Registers, SectionBuilder } from "../plan/builder.ts";
import * as k from "../plan/constants.ts";
import { type LaunchPlan, PLAN_VERSION } from "../plan/operation.ts";

/**
 * The plan that runs criu in a mount namespace of its own, in which the container's root is a mount: criu demands one,
 * and nothing of it is seen on the host.
 */
export function compileRestore(
  criu: readonly string[],
  { rootfs, root }: { readonly rootfs: string; readonly root: string },
  files: Pick<LaunchPlan, "failureFile" | "onFailure">,
): LaunchPlan {
  const registers = new Registers();
  const h = new SectionBuilder("host", registers);
  const c = new SectionBuilder("container", registers);
  h.add("makeDirectory", { dir: null, path: root, mode: 0o700 });
  const child = h.take("criu");
  h.add("clone", { out: child, section: "container", flags: k.CLONE_NEWNS, cgroup: null });
  h.add("awaitExec", {});
  h.add("supervise", { terminal: null });
  const all = c.take("/");
  c.add("openTree", { out: all, dir: null, path: "/", flags: 0 });
  const attributes = { set: 0, clear: 0, propagation: k.MS_SLAVE, userns: null } as const;
  c.add("setMountAttributes", { target: all, recursive: 1, ...attributes });
  c.close(all);
  const tree = c.take("the container's root");
  c.add("openTree", { out: tree, dir: null, path: rootfs, flags: k.OPEN_TREE_CLONE | k.AT_RECURSIVE });
  const place = c.take(root);
  c.add("open", { out: place, dir: null, path: root, flags: k.O_PATH | k.O_DIRECTORY, mode: 0 });
  c.add("moveMount", { from: tree, to: place, path: "" });
  c.close(tree);
  c.close(place);
  c.add("closeFrom", { first: 3, cloexec: 1 });
  c.add("execute", {
    args: criu,
    env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
  });
  return {
    version: PLAN_VERSION,
    registers: registers.labels,
    sections: { host: h.operations, container: c.operations, cleanup: [] },
    ...files,
  };
}
