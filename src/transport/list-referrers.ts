import type { Digest } from "../spec/index.ts";
import { CortenError, isCortenError, parseDocument } from "../spec/index.ts";
import type { Place } from "./address.ts";
import { printPlace } from "./address.ts";
import type { TransportOptions } from "./place.ts";
import type { FoundReferrer, ReferrerOptions } from "./referrer.ts";
import { cosignTags, ReferrerList, taggedReferrer } from "./referrer.ts";
import type { RegistryOptions } from "./registry/options.ts";
import type { RegistryRepository } from "./registry/repository.ts";

/** What cosign keeps about a manifest under tags of the same repository. */
async function taggedIn(
  repository: RegistryRepository,
  digest: Digest,
  { signal }: TransportOptions,
): Promise<readonly FoundReferrer[]> {
  const found: FoundReferrer[] = [];
  for (const tag of cosignTags(digest)) {
    try {
      const document = await repository.document(tag, signal === undefined ? {} : { signal });
      const what = `${repository.name}:${tag}`;
      found.push(
        taggedReferrer(document, parseDocument(document.bytes, document.descriptor.mediaType, { what }), tag),
      );
    } catch (error) {
      if (!isCortenError(error, "not-found")) throw error;
    }
  }
  return found;
}

/**
 * The manifests at a place that are about `digest`: signatures, lists of parts, and whatever else is attached to
 * an image. In a registry those of the place's repository, in a layout all that its index leads to; in both what cosign keeps
 * under tags made of the digest.
 *
 * @throws unimplemented for a place that keeps one image only; resource-exhausted for more than ten thousand
 */
export async function listReferrers(
  place: Place,
  digest: Digest,
  options: ReferrerOptions & { readonly registry?: RegistryOptions } = {},
): Promise<readonly FoundReferrer[]> {
  switch (place.kind) {
    case "registry": {
      const { openRegistryRepository } = await import("./registry/index.ts");
      await using repository = openRegistryRepository(place.reference, options.registry);
      const list = new ReferrerList(`list referrers of ${digest} in ${repository.name}`, options);
      list.add(await repository.referrers(digest, options));
      list.add(await taggedIn(repository, digest, options));
      return list.descriptors;
    }
    case "layout": {
      const { LayoutDirectory } = await import("./layout/directory.ts");
      const { layoutReferrers } = await import("./layout/referrers.ts");
      await using files = await LayoutDirectory.open(printPlace(place), place.path, { create: false });
      return await layoutReferrers(files, digest, options);
    }
    case "oci-archive": {
      const { TarFile } = await import("./archive-file/tar-file.ts");
      const { layoutReferrers } = await import("./layout/referrers.ts");
      await using files = await TarFile.open(printPlace(place), place.path);
      return await layoutReferrers(files, digest, options);
    }
    default:
      throw new CortenError(
        "unimplemented",
        `${printPlace(place)}: nothing can be attached to an image there`,
        {
          hint: "registries and OCI layouts keep what is about an image",
        },
      );
  }
}
