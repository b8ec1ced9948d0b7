import { CortenError } from "../../../spec/index.ts";
import type { RegistryOptions, RegistryPlace } from "../../../transport/index.ts";
import { deleteFromLayout, openRepository, openSource, parsePlace } from "../../../transport/index.ts";
import { write } from "../../terminal/stream.ts";
import { isImagePlace } from "../images/origin.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import type { deleteOptions } from "../table/transfer.ts";
import { accessOf, registryAccess } from "./access.ts";

/** `corten delete PLACE` */
export async function run({ args, options }: CortenCall<typeof deleteOptions>): Promise<number> {
  const text = args[0]!;
  if (!isImagePlace(text) || text.startsWith("corten:")) {
    throw new CortenError("invalid-argument", `"${text}" is no place in a registry or layout`, {
      hint: `an image that is here goes with: corten rmi; one in a registry is docker://${text}`,
    });
  }
  const place = parsePlace(text);
  const registry = registryAccess(accessOf(options), (note) => write(2, `${note}\n`));
  await interruptible(async (signal) => {
    if (place.kind === "registry") return deleteInRegistry(place, registry, options["tag-only"], signal);
    const { kind } = place;
    if (kind === "layout") return deleteFromLayout({ ...place, kind }, { signal });
    throw new CortenError("unimplemented", `${text}: images are deleted in registries and layouts only`);
  });
  return 0;
}

async function deleteInRegistry(
  place: RegistryPlace,
  registry: RegistryOptions,
  tagOnly: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { tag, digest } = place.reference;
  await using repository = await openRepository(place.reference, registry);
  if (tagOnly) {
    if (tag === undefined || digest !== undefined) {
      throw new CortenError("invalid-argument", "--tag-only needs a name with a tag and no digest");
    }
    return repository.delete({ tag }, { signal });
  }
  if (digest !== undefined) return repository.delete({ digest }, { signal });
  await using source = await openSource(place, { registry });
  const { descriptor } = await source.root({ signal });
  return repository.delete({ digest: descriptor.digest }, { signal });
}
