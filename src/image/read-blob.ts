import type { Descriptor } from "../spec/index.ts";
import { CortenError } from "../spec/index.ts";
import type { ImageSource } from "../transport/index.ts";
import { verified } from "../transport/index.ts";
import { withRightContent } from "./right-content.ts";

/**
 * A whole blob of a source, verified.
 *
 * @throws resource-exhausted when it is larger than `maxBytes`; data-loss when it is not what its digest names
 */
export async function readBlob(
  source: ImageSource,
  descriptor: Descriptor,
  options: { readonly maxBytes: number; readonly signal?: AbortSignal },
): Promise<Uint8Array> {
  const { maxBytes, signal } = options;
  const what = `${source.name}: blob ${descriptor.digest}`;
  if (descriptor.size > maxBytes) {
    throw new CortenError("resource-exhausted", `${what} is ${descriptor.size} bytes, more than ${maxBytes}`);
  }
  return withRightContent(source, descriptor, async () => {
    const content = await source.blob(descriptor, signal === undefined ? {} : { signal });
    const chunks: Uint8Array[] = [];
    for await (const chunk of verified(content, descriptor, what)) chunks.push(chunk);
    return Buffer.concat(chunks);
  });
}
