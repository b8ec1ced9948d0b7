import { type HostFacts, kernelAtLeast } from "../../host/index.ts";
import type { SectionBuilder } from "./builder.ts";
import type { Register } from "./operation.ts";
import type { RootRecipe } from "./root-recipe.ts";

/** Detached layers hold a register each, of the 128 that a plan has. */
export const MAX_DETACHED = 90;

/** Detached clones of layers that are mounted once for all containers, by the layer's index. */
export type SharedLayers = ReadonlyMap<number, Register>;

/**
 * Takes clones of the layers from where they are mounted once, in the host's section: the container's has no way
 * there. An EROFS image that each container mounts for itself is cached once for each of them.
 */
export function shareLayers(h: SectionBuilder, root: RootRecipe, host: HostFacts): SharedLayers {
  const clones = new Map<number, Register>();
  if (root.kind !== "layers" || root.shared === undefined) return clones;
  const images = [...root.layers.entries()].filter(([, { kind }]) => kind === "erofs");
  if (images.length === 0 || root.layers.length > MAX_DETACHED || !host.userNamespace.initial) return clones;
  const home = h.take("host's mount namespace");
  const place = h.take("layers of all containers");
  h.add("enterLayers", { out: home, root: place, directory: root.shared });
  for (const [index, layer] of images) {
    if (layer.kind !== "erofs") continue;
    const { file, archive = null } = layer;
    const alone = root.layers.length === 1 && root.upper.kind === "none";
    const out = h.take(alone ? "rootfs" : file.slice(file.lastIndexOf("/") + 1));
    const loop = kernelAtLeast(host.kernel, 6, 12) ? 0 : 1;
    h.add("shareLayer", { out, home, root: place, file, archive, loop });
    clones.set(index, out);
  }
  h.add("leaveLayers", { home, root: place });
  h.release(home);
  h.release(place);
  return clones;
}

/** The host's section closes its own descriptors once the child has inherited them. */
export function letGoLayers(h: SectionBuilder, clones: SharedLayers): void {
  for (const fd of clones.values()) h.add("close", { fd });
}
