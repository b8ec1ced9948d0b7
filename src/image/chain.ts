import type { Digest } from "../spec/index.ts";

/**
 * The ChainID of each layer together with those below it (image-spec, config.md "Layer ChainID"):
 * that of the lowest is its DiffID, each further one is the digest of `<ChainID below> <DiffID>`.
 */
export async function chainIDs(diffIDs: readonly Digest[]): Promise<Digest[]> {
  const { createHash } = await import("node:crypto");
  const chain: Digest[] = [];
  for (const diffID of diffIDs) {
    const below = chain.at(-1);
    chain.push(
      below === undefined
        ? diffID
        : `sha256:${createHash("sha256").update(`${below} ${diffID}`).digest("hex")}`,
    );
  }
  return chain;
}
