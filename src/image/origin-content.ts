import type { Replacement } from "../content/index.ts";
import type { Descriptor } from "../spec/index.ts";
import { CortenError, isCortenError } from "../spec/index.ts";
import type { ImageSource } from "../transport/index.ts";
import { verified } from "../transport/index.ts";

interface OriginOptions {
  readonly refetch: (origin: string) => Promise<ImageSource>;
  readonly offset: number;
  readonly signal: AbortSignal;
}

/**
 * A packed layer that is here unpacked only, from the first of the places it came from that still has it. Nothing is asked for before
 * the first byte is wanted: a registry may mount the layer, and then none is.
 *
 * @throws failed-precondition when it is nowhere to be had
 */
export async function* contentFromOrigin(
  descriptor: Descriptor,
  { origins }: Replacement,
  { refetch, offset, signal }: OriginOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  let failure: CortenError | undefined;
  for (const origin of origins) {
    let given = false;
    try {
      const source = await refetch(origin);
      const content = await source.blob(descriptor, { offset, signal });
      const what = `${source.name}: blob ${descriptor.digest}`;
      for await (const chunk of offset === 0 ? verified(content, descriptor, what) : content) {
        given = true;
        yield chunk;
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      // A cut transfer is the caller's to go on with.
      if (given || !isCortenError(error)) throw error;
      failure = error;
    }
  }
  const where =
    origins.length === 0
      ? "and not known to be anywhere else"
      : `and not to be had from ${origins.join(", ")}`;
  throw new CortenError(
    "failed-precondition",
    `layer ${descriptor.digest} is here unpacked only, ${where}${failure === undefined ? "" : `: ${failure.message}`}`,
    {
      hint: "pack the layers anew, which gives the image another digest: corten push --compression-format gzip",
      ...(failure === undefined ? {} : { cause: failure }),
    },
  );
}
