import type { ImagePlace, InspectedPlace, PlaceInspect } from "../../../image/index.ts";
import { inspectPlace, openImageSource, parseImagePlace } from "../../../image/index.ts";
import { CortenError, isCortenError } from "../../../spec/index.ts";
import { openRepository, type RegistryOptions } from "../../../transport/index.ts";
import { print, printJson, write } from "../../terminal/stream.ts";
import { fillTemplate, parseFormat } from "../format.ts";
import { interruptible } from "../interruption.ts";
import type { inspectOptions } from "../table/container-options.ts";
import type { CortenCall } from "../table/globals.ts";
import { accessOf, registryAccess } from "./access.ts";
import { lazyStore } from "./lazy-store.ts";
import { platformOf } from "./platform.ts";

/** `corten inspect PLACE`: the JSON of `skopeo inspect`, or what `--raw` and `--config` ask for. */
export async function inspectPlaces(call: CortenCall<typeof inspectOptions>): Promise<number> {
  const { args, options } = call;
  const [text, ...others] = args;
  if (others.length > 0) {
    throw new CortenError("invalid-argument", "one place is inspected at a time, and no container with it");
  }
  const place = parseImagePlace(text!);
  const format = parseFormat(options.format);
  const platform = platformOf(options);
  const registry = registryAccess(accessOf(options), (note) => write(2, `${note}\n`));
  using lazy = lazyStore(call);
  const printed = await interruptible(async (signal) => {
    await using source = await openImageSource(place, { registry, signal, store: lazy.open });
    // Another kind of document than an image's has no configuration to look at.
    if (options.raw && !options.config) return (await source.root({ signal })).bytes;
    const inspected = await inspectPlace(source, { signal, ...(platform === undefined ? {} : { platform }) });
    if (options.config) return configOf(inspected, options.raw);
    const tags = options["no-tags"] ? [] : await tagsOf(place, registry, signal);
    return fieldsOf(place, inspected, tags);
  });
  if (printed instanceof Uint8Array) write(1, printed);
  else if (format.kind === "template") print(fillTemplate(format.parts, printed));
  else printJson(printed);
  return 0;
}

function configOf({ rawConfig }: InspectedPlace, raw: boolean): Uint8Array | object {
  return raw ? rawConfig : (JSON.parse(new TextDecoder().decode(rawConfig)) as object);
}

/** Name and tags stand where skopeo prints them. */
function fieldsOf(place: ImagePlace, { fields }: InspectedPlace, tags: readonly string[]): PlaceInspect {
  const { Digest, ...others } = fields;
  const name =
    place.kind === "registry" ? `${place.reference.registry}/${place.reference.repository}` : undefined;
  return { ...(name === undefined ? {} : { Name: name }), Digest, RepoTags: tags, ...others };
}

/** Some registries let an account pull that may not list: the image is then shown without the list. */
async function tagsOf(place: ImagePlace, registry: RegistryOptions, signal: AbortSignal): Promise<string[]> {
  if (place.kind !== "registry") return [];
  await using repository = await openRepository(place.reference, registry);
  try {
    return await Array.fromAsync(repository.tags({ signal }));
  } catch (error) {
    if (!isCortenError(error, "permission-denied") && !isCortenError(error, "not-found")) throw error;
    write(2, `The tags cannot be listed: ${error.message}\n`);
    return [];
  }
}
