import type { Store } from "../content/index.ts";
import type { Image } from "./image.ts";
import { storedName } from "./naming.ts";
import type { PullOptions } from "./pull.ts";
import { pull } from "./pull.ts";
import { storedImage } from "./stored-image.ts";

/** Options of {@link installLayout}. */
export interface InstallLayoutOptions extends Omit<PullOptions, "name"> {
  /** What the image is called, as users write references. */
  readonly name: string;
}

/**
 * Brings in an image that came with the program, an OCI layout directory of one image, unless its name
 * is there already.
 *
 * @param path the layout directory
 * @throws not-found when there is no such directory; what `pull` throws
 */
export async function installLayout(
  store: Store,
  path: string,
  options: InstallLayoutOptions,
): Promise<Image> {
  const present = store.names.get(storedName(options.name));
  if (present !== undefined) return storedImage(store, present.descriptor);
  const { openSource } = await import("../transport/index.ts");
  await using source = await openSource({ kind: "layout", path });
  // Awaited here: the source has to stay open until it is done.
  return await pull(store, source, options);
}
