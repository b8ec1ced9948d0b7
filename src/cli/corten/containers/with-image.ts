import { isCortenError } from "../../../spec/index.ts";
import type { Values } from "../../command/option.ts";
import type { createOptions } from "../table/container-options.ts";
import type { CortenCall } from "../table/globals.ts";

/**
 * Does what needs an image, and fetches the image first where `--pull` says so. The common case, that it is there,
 * asks no question: only what fails for want of the image makes the image room be loaded and is done again.
 */
export async function withImage<T>(
  call: Pick<CortenCall, "globals"> & { readonly options: Values<typeof createOptions> },
  image: string | undefined,
  action: () => Promise<T>,
): Promise<T> {
  const { pull } = call.options;
  if (image === undefined || pull === "never") return action();
  if (pull === "always") {
    await (await import("../images/fetch.ts")).fetchImage(call, image);
    return action();
  }
  try {
    return await action();
  } catch (error) {
    if (!isCortenError(error, "not-found")) throw error;
    const { fetchMissingImage } = await import("../images/fetch.ts");
    if (!(await fetchMissingImage(call, image))) throw error;
  }
  return action();
}
