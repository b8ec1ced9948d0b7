import type { Store } from "../../../content/index.ts";
import { openImageStore } from "../images/store.ts";
import type { CortenCall } from "../table/globals.ts";

/** The store, opened when a place is in it: a copy between registries needs none. */
export function lazyStore(call: Pick<CortenCall, "globals">): Disposable & { readonly open: () => Store } {
  let opened: Store | undefined;
  const open = (): Store => {
    opened ??= openImageStore(call);
    return opened;
  };
  return { open, [Symbol.dispose]: () => opened?.close() };
}
