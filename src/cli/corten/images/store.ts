import { openStore, type Store } from "../../../content/index.ts";
import { dataDirectory } from "../../../host/index.ts";
import type { CortenCall } from "../table/globals.ts";

/** Opens the store of images in the directory that the command line names. */
export function openImageStore({ globals }: Pick<CortenCall, "globals">): Store {
  return openStore(globals.root ?? dataDirectory());
}
