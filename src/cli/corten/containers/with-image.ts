import { isCortenError } from "../../../spec/index.ts";
import type { Values } from "../../command/option.ts";
import type { createOptions } from "../table/container-options.ts";
import type { CortenCall } from "../table/globals.ts";

/**
 * Does what needs an image, and fetches the image first where `--pull` says so. The common case, that it is there,
 * asks no question: only what fails for want of the image makes the image room be loaded and is done again, with the
 * name that a short one turned out to stand for.
 */
export async function withImage<S extends { readonly image?: string }, T>(
  call: Pick<CortenCall, "globals"> & { readonly options: Values<typeof createOptions> },
  settings: S,
  action: (settings: S) => Promise<T>,
): Promise<T> {
  const { pull } = call.options;
  const { image } = settings;
  if (image === undefined || pull === "never") return action(settings);
  if (pull === "always") {
    const { fetchImage } = await import("../images/fetch.ts");
    return action({ ...settings, image: await fetchImage(call, image) });
  }
  try {
    return await action(settings);
  } catch (error) {
    if (!isCortenError(error, "not-found")) throw error;
    const { fetchMissingImage } = await import("../images/fetch.ts");
    const name = await fetchMissingImage(call, image);
    if (name === undefined) throw error;
    return action({ ...settings, image: name });
  }
}
