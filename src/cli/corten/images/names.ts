import { familiarReference, parseReference } from "../../../spec/index.ts";
import type { CortenCall } from "../table/globals.ts";
import { openImageStore } from "./store.ts";

/** Names of the images that are here, as users write them. */
export function listImageNames(call: Pick<CortenCall, "globals">): string[] {
  using store = openImageStore(call);
  return store.names.list().map(({ name }) => familiarReference(parseReference(name)));
}
