import type { Descriptor, Digest } from "../spec/index.ts";
import { CortenError } from "../spec/index.ts";
import type { Place } from "./address.ts";
import { printPlace } from "./address.ts";
import type { ReferrerOptions } from "./referrer.ts";
import type { RegistryOptions } from "./registry/options.ts";

/**
 * The manifests at a place that are about `digest`: signatures, lists of parts, and whatever else is attached to
 * an image. In a registry those of the place's repository, in a layout all that its index leads to.
 *
 * @throws unimplemented for a place that keeps one image only; resource-exhausted for more than ten thousand
 */
export async function listReferrers(
  place: Place,
  digest: Digest,
  options: ReferrerOptions & { readonly registry?: RegistryOptions } = {},
): Promise<readonly Descriptor[]> {
  switch (place.kind) {
    case "registry": {
      const { openRegistryRepository } = await import("./registry/index.ts");
      await using repository = openRegistryRepository(place.reference, options.registry);
      // Awaited here: the connections have to stay open until it is done.
      return await repository.referrers(digest, options);
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
