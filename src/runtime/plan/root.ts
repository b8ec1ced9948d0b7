import { CortenError } from "../../spec/index.ts";
import type { SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";
import type { LaunchInput } from "./launch-input.ts";
import { stackLayers } from "./layers.ts";
import type { Register } from "./operation.ts";
import type { SharedLayers } from "./shared-layers.ts";

/** How the container's mount namespace comes to be. */
export type MountNamespace = "new" | "joined" | "none";

const PROPAGATION: Readonly<Record<string, number>> = {
  private: k.MS_PRIVATE,
  slave: k.MS_SLAVE,
  shared: k.MS_SHARED,
  unbindable: k.MS_UNBINDABLE,
};

/** The propagation that rootfsPropagation asks for. */
export function propagationOf({ config }: LaunchInput): { type: number; recursive: boolean } | undefined {
  const name = config.linux?.rootfsPropagation ?? "";
  if (name === "") return undefined;
  const recursive = !Object.hasOwn(PROPAGATION, name);
  return { type: PROPAGATION[recursive ? name.slice(1) : name]!, recursive };
}

/**
 * Makes the root file system a mount of its own, in the container's mount namespace. From here on every path of the
 * container is resolved below the register that this returns, never again as a string of the host.
 */
export function compileRoot(
  c: SectionBuilder,
  input: LaunchInput,
  namespace: MountNamespace,
  cover: Register | undefined,
  clones: SharedLayers,
  opened?: { readonly root: Register | undefined; readonly place: Register | undefined },
): Register {
  if (cover !== undefined) return cover;
  if (namespace === "none") return openPlainRoot(c, input);
  const host = c.take("/");
  c.add("open", { out: host, dir: null, path: "/", flags: k.O_PATH | k.O_DIRECTORY, mode: 0 });
  const wanted = propagationOf(input);
  // Nothing that is mounted here may reach the host, while what the host mounts may reach a slave mount here.
  const shared = wanted?.type === k.MS_SHARED;
  if (namespace === "new") {
    c.at(wanted === undefined ? "" : "/linux/rootfsPropagation", () =>
      c.add("setMountAttributes", {
        target: host,
        recursive: shared && !wanted.recursive ? 0 : 1,
        set: 0,
        clear: 0,
        propagation: shared ? k.MS_SHARED : wanted?.type === k.MS_PRIVATE ? k.MS_PRIVATE : k.MS_SLAVE,
        userns: null,
      }),
    );
  }
  const place = input.root.kind === "directory" ? input.root.path : input.stateDirectory;
  // pivot_root refuses a root below a shared mount, and a new mount there would propagate to the host.
  if (shared || namespace === "joined") c.add("privatizeParent", { path: place });
  const { mount, attached } =
    input.root.kind === "directory"
      ? { mount: opened?.root ?? cloneDirectory(c, input.root.path), attached: false }
      : stackLayers(c, input.root, {
          host: input.host,
          inUserNamespace:
            !input.host.userNamespace.initial ||
            input.config.linux?.namespaces?.some(({ type }) => type === "user") === true,
          stage: input.stateDirectory,
          hostRoot: host,
          clones,
        });
  if (opened?.place !== undefined) {
    c.add("moveMount", { from: mount, to: opened.place, path: "" });
    c.close(opened.place);
  } else if (!attached) c.add("moveMount", { from: mount, to: host, path: place.slice(1) });
  c.close(host);
  return mount;
}

function openPlainRoot(c: SectionBuilder, { root }: LaunchInput): Register {
  if (root.kind !== "directory") {
    throw new CortenError("invalid-argument", "a root file system of layers needs a mount namespace", {
      pointer: "/linux/namespaces",
    });
  }
  const register = c.take("rootfs");
  c.at("/root/path", () =>
    c.add("open", { out: register, dir: null, path: root.path, flags: k.O_PATH | k.O_DIRECTORY, mode: 0 }),
  );
  return register;
}

/** A detached copy of the mounts at a directory of the host. */
export function cloneDirectory(section: SectionBuilder, path: string): Register {
  const mount = section.take("rootfs");
  section.at("/root/path", () =>
    section.add("openTree", { out: mount, dir: null, path, flags: k.OPEN_TREE_CLONE | k.AT_RECURSIVE }),
  );
  return mount;
}

/** Makes the root read-only by its descriptor: a path would be the container's to redirect (CVE-2026-115521). */
export function protectRoot(c: SectionBuilder, root: Register, input: LaunchInput): void {
  if (input.config.root?.readonly !== true) return;
  c.at("/root/readonly", () =>
    c.add("setMountAttributes", {
      target: root,
      recursive: 0,
      set: k.MOUNT_ATTR_RDONLY,
      clear: 0,
      propagation: 0,
      userns: null,
    }),
  );
}

/** Enters the root file system, and leaves the host's behind. */
export function enterRoot(
  c: SectionBuilder,
  root: Register,
  input: LaunchInput,
  namespace: MountNamespace,
): void {
  if (namespace !== "new") {
    // In a namespace that others use, too, pivot_root would take their root away.
    c.add("changeRoot", { root });
    return;
  }
  if (input.noPivot === true) c.add("moveRoot", { root });
  else c.add("pivotRoot", { root });
  const wanted = propagationOf(input);
  if (wanted === undefined) return;
  c.at("/linux/rootfsPropagation", () =>
    c.add("setMountAttributes", {
      target: root,
      recursive: wanted.recursive ? 1 : 0,
      set: 0,
      clear: 0,
      propagation: wanted.type,
      userns: null,
    }),
  );
}
