import type { Store } from "../../../content/index.ts";
import type { ContainerSummary } from "../../../engine/index.ts";
import { listImages, removeImage } from "../../../image/index.ts";
import { openSnapshots } from "../../../snapshot/index.ts";
import { isCortenError, parseDigest } from "../../../spec/index.ts";
import { print } from "../../terminal/stream.ts";
import { printError } from "../failure.ts";
import { openSession } from "../session.ts";
import type { CortenCall } from "../table/globals.ts";
import type { rmiOptions } from "../table/images.ts";
import { openImageStore } from "./store.ts";

/** `corten rmi`: one after the other, as several may name the same image. */
export async function run(call: CortenCall<typeof rmiOptions>): Promise<number> {
  const { force, ignore } = call.options;
  await using engine = openSession(call);
  using store = openImageStore(call);
  const containers = await engine.list({ all: true });
  let code = 0;
  for (const text of call.args) {
    try {
      const { untagged, deleted } = await removeImage(store, text, {
        force,
        usedBy: async (image) => {
          const id = await image.id();
          return containers
            .filter(({ imageID }) => imageID === id)
            .map(({ name, state }) => ({ container: name, running: state === "running" }));
        },
      });
      for (const name of untagged) print(`Untagged: ${name}`);
      for (const id of deleted) print(`Deleted: ${id}`);
    } catch (error) {
      if (!isCortenError(error)) throw error;
      if ((force || ignore) && error.code === "not-found") continue;
      printError(error.message, error.hint);
      code = 1;
    }
  }
  await collectSnapshots(store, containers);
  return code;
}

/** Removes the unpacked layers that neither an image nor a container needs any more. */
async function collectSnapshots(store: Store, containers: readonly ContainerSummary[]): Promise<void> {
  const images = listImages(store).map(async (image) => {
    try {
      return await image.id();
    } catch (error) {
      if (!isCortenError(error)) throw error;
      return image.root.digest; // damaged, or no image: nothing of it is unpacked
    }
  });
  const used = containers.flatMap(({ imageID }) => (imageID === "" ? [] : [parseDigest(imageID)]));
  await openSnapshots(store.root).collect({ images: [...(await Promise.all(images)), ...used], layers: [] });
}
