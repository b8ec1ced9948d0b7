import type { Store } from "../../../content/index.ts";
import type { ImagePlace } from "../../../image/index.ts";
import { parseImagePlace } from "../../../image/index.ts";
import { isPlace } from "../images/origin.ts";
import { openImageStore } from "../images/store.ts";
import type { CortenCall } from "../table/globals.ts";

/** The place that the user means; a text without the name of a transport is an image of the store. */
export function imagePlaceOf(text: string): ImagePlace {
  return parseImagePlace(isPlace(text) || text.startsWith("corten:") ? text : `corten:${text}`);
}

/** The store, opened when a place is in it, for places of one command. */
export class LazyStore implements Disposable {
  readonly #call: Pick<CortenCall, "globals">;
  #opened: Store | undefined;

  constructor(call: Pick<CortenCall, "globals">) {
    this.#call = call;
  }

  readonly open = (): Store => {
    this.#opened ??= openImageStore(this.#call);
    return this.#opened;
  };

  [Symbol.dispose](): void {
    this.#opened?.close();
  }
}
