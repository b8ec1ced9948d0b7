import type { Descriptor, Digest } from "../../spec/index.ts";
import { CortenError } from "../../spec/index.ts";
import type { FoundReferrer } from "../../transport/index.ts";

/** A manifest and what is about it, and what is about that. */
export interface ReferrerTree {
  readonly descriptor: FoundReferrer;
  readonly referrers: readonly ReferrerTree[];
}

/** Looks up what is about a manifest. */
export type FindReferrers = (digest: Digest) => Promise<readonly FoundReferrer[]>;

/** Manifests of one tree: each is a request. */
const MAX_NODES = 1000;

/**
 * Finds what is about a manifest, and what is about that: a signature of a list of parts of an image.
 *
 * @param find finds the referrers of one manifest
 * @param options `depth`: levels to look at, default all
 * @throws resource-exhausted when they are more than a thousand
 */
export async function discoverReferrers(
  root: Descriptor,
  find: FindReferrers,
  options: { readonly depth?: number } = {},
): Promise<ReferrerTree> {
  const { depth = Infinity } = options;
  // A registry may claim circles, which digests do not allow.
  const seen = new Set<Digest>([root.digest]);
  const visit = async (descriptor: FoundReferrer, level: number): Promise<ReferrerTree> => {
    const referrers: ReferrerTree[] = [];
    for (const referrer of level < depth ? await find(descriptor.digest) : []) {
      if (seen.has(referrer.digest)) continue;
      seen.add(referrer.digest);
      if (seen.size > MAX_NODES) {
        throw new CortenError("resource-exhausted", `${root.digest} has more than ${MAX_NODES} referrers`);
      }
      referrers.push(await visit(referrer, level + 1));
    }
    return { descriptor, referrers };
  };
  return visit(root, 0);
}
