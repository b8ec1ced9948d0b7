import { statSync } from "node:fs";
import { resolve } from "node:path";
import { ensurePrivateDirectory } from "../host/index.ts";
import type { Image } from "../image/index.ts";
import { resolveImage } from "../image/index.ts";
import type { RootRecipe } from "../runtime/index.ts";
import type { LayerStack } from "../snapshot/index.ts";
import { CortenError, type Digest, type ImageConfig } from "../spec/index.ts";
import type { ContainerFiles } from "./container-files.ts";
import type { ContainerOptions, RootDirectory } from "./container-options.ts";
import type { EngineContext } from "./context.ts";
import { checkPlatform } from "./foreign-image.ts";
import { MAX_ACCOUNT_FILE } from "./user/accounts.ts";
import { readInRoot } from "./user/read-in-root.ts";
import type { AccountFiles } from "./user/resolve-user.ts";

/** What a container's root file system comes from. */
export type RootSource =
  | {
      readonly kind: "image";
      readonly imageID: Digest;
      readonly config: ImageConfig;
      readonly stack: LayerStack;
    }
  | { readonly kind: "directory"; readonly directory: RootDirectory };

/** What making the root file system takes of a {@link RootSource}. */
export type Root =
  | { readonly kind: "image"; readonly stack: LayerStack }
  | { readonly kind: "directory"; readonly directory: RootDirectory };

/**
 * Finds the image or directory that a container is made of.
 *
 * @throws not-found when it is not here; invalid-argument unless exactly one is given
 */
export async function findSource(
  context: EngineContext,
  { image, rootfs }: Pick<ContainerOptions, "image" | "rootfs">,
  signal?: AbortSignal,
): Promise<RootSource> {
  if ((image === undefined) === (rootfs === undefined)) {
    throw new CortenError("invalid-argument", "a container is made of either an image or a root directory");
  }
  if (rootfs !== undefined) return { kind: "directory", directory: checkDirectory(rootfs) };
  // What is in the store was verified when it came in; hashing it again would cost more than the whole start.
  const found = await resolveImage(context.store, image!, { verify: false });
  const [imageID, config] = [await found.id(), await found.config()];
  checkPlatform(image!, config);
  return { kind: "image", imageID, config, stack: await findStack(context, imageID, found, signal) };
}

/** The stack of an image, made when it is missing. */
export async function findStack(
  context: EngineContext,
  imageID: Digest,
  image: Image | undefined,
  signal?: AbortSignal,
): Promise<LayerStack> {
  const ready = context.snapshots.stack(imageID);
  if (ready !== undefined) return ready;
  const found = image ?? (await resolveImage(context.store, imageID));
  return context.snapshots.prepare(context.store, found, signal === undefined ? {} : { signal });
}

/**
 * How the runtime makes the root. What a root directory's throw-away overlay holds lives in memory.
 *
 * @param volatile for a container that goes when it ends: unmounting an overlay otherwise flushes the whole file
 *   system that its upper directory lies on, which was seen to take 225 ms on a machine that others write to
 */
export function rootRecipe(
  source: Root,
  context: EngineContext,
  files: ContainerFiles,
  volatile: boolean,
): RootRecipe {
  if (source.kind === "image") {
    const { upper, work } = files;
    const { sharedLayers } = context;
    if (sharedLayers !== undefined) ensurePrivateDirectory(sharedLayers);
    return context.snapshots.recipe(source.stack, { kind: "directory", upper, work, volatile }, sharedLayers);
  }
  const { path, overlay } = source.directory;
  if (!overlay) return { kind: "directory", path };
  // Not on disk: an upper directory must not lie below a lower one, and below "/" everything lies.
  return { kind: "layers", layers: [{ kind: "directory", path }], upper: { kind: "tmpfs" } };
}

/** /etc/passwd and /etc/group of the root file system. */
export function accountFiles(source: Root): AccountFiles {
  if (source.kind === "image") return source.stack;
  const read = (path: string) => readInRoot(source.directory.path, path, MAX_ACCOUNT_FILE)?.toString("utf8");
  return { passwd: read("etc/passwd"), group: read("etc/group") };
}

function checkDirectory({ path, overlay }: RootDirectory): RootDirectory {
  const absolute = resolve(path);
  if (statSync(absolute, { throwIfNoEntry: false })?.isDirectory() === true)
    return { path: absolute, overlay };
  throw new CortenError("not-found", `root file system ${absolute} is not a directory`, {
    pointer: "/root/path",
  });
}
