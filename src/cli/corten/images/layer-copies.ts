import type { Store } from "../../../content/index.ts";
import type { PullOptions } from "../../../image/index.ts";
import { openSnapshots } from "../../../snapshot/index.ts";
import { CortenError } from "../../../spec/index.ts";
import type { Place } from "../../../transport/index.ts";
import type { CortenCall } from "../table/globals.ts";

/**
 * What a pull does with the layers beside storing them: they are unpacked while they come in, so that the image can be run at
 * once, and of packed ones remains what `--layer-copies` says.
 *
 * @param place where they come from
 * @throws failed-precondition where the kernel cannot run what would remain
 */
export function layerHandling(
  store: Store,
  { "layer-copies": copies }: Pick<CortenCall["globals"], "layer-copies">,
  place?: Place,
): Pick<PullOptions, "consumer" | "copies" | "origin"> {
  const snapshots = openSnapshots(store.root);
  if (copies === "single" && !snapshots.indexes) {
    throw new CortenError(
      "failed-precondition",
      "--layer-copies single needs Linux 6.12, whose EROFS reads archives",
    );
  }
  return {
    consumer: snapshots.consumer(),
    ...(copies === "auto" ? {} : { copies }),
    ...(place?.kind === "registry" ? { origin: originAt(place) } : {}),
  };
}

/** A repository as an origin of layers; it reads as a place. */
function originAt({ reference: { registry, repository } }: Extract<Place, { kind: "registry" }>): string {
  return `docker://${registry}/${repository}`;
}
