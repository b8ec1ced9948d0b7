import type { Descriptor } from "../spec/index.ts";
import { CortenError } from "../spec/index.ts";
import type { ImageSource } from "../transport/index.ts";

/** What wrong bytes can look like to who reads them: they have another digest, or do not parse. */
const BLAMED = ["data-loss", "invalid-argument"];

/** True where a failure may come from wrong bytes of a mirror, and the source has another host for them. */
export function hasOtherHost(source: ImageSource, descriptor: Descriptor, error: unknown): boolean {
  if (!(error instanceof CortenError) || !BLAMED.includes(error.code)) return false;
  return source.mistrust?.(descriptor, error) === true;
}

/**
 * Does something with a blob of a source, and does it anew where the bytes were wrong and another host has them. What
 * `attempt` made of the wrong ones it has to have thrown away by itself.
 */
export async function withRightContent<T>(
  source: ImageSource,
  descriptor: Descriptor,
  attempt: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!hasOtherHost(source, descriptor, error)) throw error;
    }
  }
}
