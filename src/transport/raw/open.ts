import type { Place } from "../address.ts";
import { printPlace } from "../address.ts";
import type { OpenOptions } from "../open.ts";
import { openSource } from "../open.ts";
import { RawFiles } from "./files.ts";
import type { RawPlace } from "./place.ts";
import { RawSource } from "./source.ts";

/**
 * Opens a place to look at what is there, right or wrong. An archive of Docker that is a layout as well
 * is looked at as such, unless `place` names one of its images.
 *
 * @throws not-found when there is nothing
 */
export async function openRaw(place: Place, options: OpenOptions = {}): Promise<RawPlace> {
  switch (place.kind) {
    case "layout":
    case "directory": {
      const { LayoutDirectory } = await import("../layout/directory.ts");
      const files = await LayoutDirectory.open(printPlace(place), place.path, { create: false });
      return new RawFiles(files, place.kind === "layout");
    }
    case "oci-archive":
    case "docker-archive": {
      const { TarFile } = await import("../archive-file/tar-file.ts");
      const file = await TarFile.open(printPlace(place), place.path);
      const asLayout =
        place.kind === "oci-archive" ||
        (place.ref === undefined &&
          place.index === undefined &&
          (await file.size("oci-layout")) !== undefined);
      if (asLayout) return new RawFiles(file, true);
      await file[Symbol.asyncDispose]();
      return new RawSource(await openSource(place, options));
    }
    default:
      return new RawSource(await openSource(place, options));
  }
}
