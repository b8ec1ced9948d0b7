import { CortenError, familiarReference, parseReference } from "../../../spec/index.ts";
import type { Place, RegistryPlace } from "../../../transport/index.ts";
import { openImages, openRepository, parsePlace, printPlace } from "../../../transport/index.ts";
import { printJson, write } from "../../terminal/stream.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import type { listTagsOptions } from "../table/transfer.ts";
import { accessOf, registryAccess } from "./access.ts";

/** `corten list-tags PLACE`: skopeo's JSON. */
export async function run({ args, options }: CortenCall<typeof listTagsOptions>): Promise<number> {
  const text = args[0]!;
  const place = parsePlace(text);
  if (place.kind !== "registry") {
    printJson({ Tags: await namesAt(place) });
    return 0;
  }
  checkRepository(text, place);
  const { registry, repository } = place.reference;
  const registryOptions = registryAccess(accessOf(options), (note) => write(2, `${note}\n`));
  const tags = await interruptible(async (signal) => {
    await using opened = await openRepository(place.reference, registryOptions);
    return await Array.fromAsync(opened.tags({ signal }));
  });
  printJson({ Repository: `${registry}/${repository}`, Tags: tags });
  return 0;
}

async function namesAt(place: Exclude<Place, RegistryPlace>): Promise<string[]> {
  if (!("path" in place) || place.kind === "directory") {
    throw new CortenError("invalid-argument", `${printPlace(place)} has no list of names`);
  }
  await using set = await openImages(place.path, place.kind);
  const names = set.images.flatMap((image) => image.names);
  return place.kind === "docker-archive"
    ? names.map((name) => familiarReference(parseReference(name)))
    : names;
}

/** A tag would be ignored: who wrote one means something else. */
function checkRepository(text: string, { reference }: RegistryPlace): void {
  const typed = reference.digest !== undefined || text.endsWith(`:${reference.tag}`);
  if (!typed) return;
  throw new CortenError("invalid-argument", `"${text}" names one image`, {
    hint: "the tags are those of a repository: leave the tag out",
  });
}
