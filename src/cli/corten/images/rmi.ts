import { removeImage } from "../../../image/index.ts";
import { isCortenError } from "../../../spec/index.ts";
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
  let code = 0;
  for (const text of call.args) {
    try {
      const { untagged, deleted } = await removeImage(store, text, {
        force,
        usedBy: async (image) => engine.containersOf(await image.id()),
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
  await engine.collectSnapshots();
  return code;
}
