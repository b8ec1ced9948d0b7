import type { Store } from "../content/index.ts";
import { CortenError, parseReference } from "../spec/index.ts";
import { resolveImage } from "./find.ts";
import { moveName, storedName } from "./naming.ts";

/**
 * Gives an image one more name.
 *
 * @param source what the user calls it: a name, an id, or the beginning of one
 * @param target the new name; it may have meant another image before
 * @throws not-found; invalid-argument when `target` is no reference or has a digest
 */
export async function tagImage(store: Store, source: string, target: string): Promise<void> {
  const name = storedName(target);
  if (parseReference(target).digest !== undefined) {
    throw new CortenError("invalid-argument", `cannot tag an image "${target}": a digest cannot be chosen`);
  }
  const { root } = await resolveImage(store, source);
  store.database.transaction(
    () => {
      // The image may have lost its last name since, and its content with it.
      if (store.names.of(root.digest).length === 0) {
        throw new CortenError("not-found", `image "${source}" was removed while it was tagged`);
      }
      moveName(store, name, root);
    },
    { durable: true },
  );
}
