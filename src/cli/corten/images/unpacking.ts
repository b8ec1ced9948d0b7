import type { Store } from "../../../content/index.ts";
import type { LayerConsumer } from "../../../image/index.ts";
import { openSnapshots } from "../../../snapshot/index.ts";

/** Unpacks layers while they come in, so that the image can be run at once. */
export function unpackingConsumer(store: Store): LayerConsumer {
  return openSnapshots(store.root).consumer();
}
