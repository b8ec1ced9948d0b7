import type { Store } from "../../../content/index.ts";
import {
  copyTo,
  type Image,
  openImageSource,
  resolveImage,
  save,
  uploadJournal,
} from "../../../image/index.ts";
import { canonicalReference, type Descriptor, parseReference } from "../../../spec/index.ts";
import type { ImageSource, RegistryOptions } from "../../../transport/index.ts";
import { openSink, openSource, type Place, parsePlace } from "../../../transport/index.ts";
import { print } from "../../terminal/stream.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import type { pushOptions } from "../table/images.ts";
import { accessOf, registryAccess } from "../transfer/access.ts";
import { isPlace } from "./origin.ts";
import { openImageStore } from "./store.ts";
import { showTransfer } from "./transfer-progress.ts";

/** Repositories that a blob is looked for in: each costs a request where it has not got it. */
const MAX_MOUNTS = 3;

/** `corten push IMAGE [DESTINATION]`: prints the digest that the name means there now. */
export async function run(call: CortenCall<typeof pushOptions>): Promise<number> {
  const [text, destination = text] = call.args;
  const compression = call.options["compression-format"];
  using store = openImageStore(call);
  const image = await resolveImage(store, text!);
  const place = destinationOf(destination!);
  const progress = await showTransfer(call.options.quiet, "push");
  const access = registryAccess(accessOf(call.options), progress.note);
  const registry = {
    ...access,
    uploads: uploadJournal(store),
    mountFrom: repositoriesBeside(place, [...(await origins(store, image)), ...image.names]),
  };
  const root = await interruptible((signal) => {
    const sending = { registry, signal, onProgress: progress.onProgress };
    return compression === undefined
      ? asItIs(store, image, place, { ...sending, access })
      : packedAnew(store, image, place, { ...sending, compression });
  }).finally(() => progress.finish());
  print(root.digest);
  return 0;
}

interface Sending extends Pick<NonNullable<Parameters<typeof save>[3]>, "onProgress"> {
  readonly registry: RegistryOptions;
  readonly signal: AbortSignal;
}

/** Every byte as the manifest has it, from the store or from where the image came from. */
async function asItIs(
  store: Store,
  image: Image,
  place: Place,
  { registry, access, ...options }: Sending & { readonly access: RegistryOptions },
): Promise<Descriptor> {
  const opened = new Map<string, Promise<ImageSource>>();
  const refetch = (origin: string) => {
    const known = opened.get(origin) ?? openSource(parsePlace(origin), { registry: access });
    opened.set(origin, known);
    return known;
  };
  try {
    await using sink = await openSink(place, { registry });
    return await save(store, image, sink, { ...options, refetch });
  } finally {
    for (const source of await Promise.allSettled(opened.values())) {
      if (source.status === "fulfilled") await source.value[Symbol.asyncDispose]();
    }
  }
}

/** The image with its layers packed in another way, and a manifest that says so. */
async function packedAnew(
  store: Store,
  image: Image,
  place: Place,
  { compression, registry, ...options }: Sending & { readonly compression: "gzip" | "zstd" },
): Promise<Descriptor> {
  const name = image.names[0] ?? (await image.id());
  await using source = await openImageSource({ kind: "store", name }, { store: () => store });
  const { descriptor } = await copyTo(
    source,
    place,
    {
      ...options,
      platform: await image.platform(),
      convert: { compression },
      destination: { registry },
    },
    registry.mountFrom,
  );
  return descriptor;
}

function destinationOf(text: string): Place {
  if (isPlace(text)) return parsePlace(text);
  const reference = parseReference(text);
  return parsePlace(`docker://${canonicalReference(reference)}`);
}

/** The repositories that layers came from which are here unpacked only. */
async function origins(store: Store, image: Image): Promise<readonly string[]> {
  const { layers } = await image.manifest();
  const known = layers.flatMap((layer) => store.replacements.of(layer)?.origins ?? []);
  return [...new Set(known)].map((origin) => origin.replace(/^docker:\/\//, ""));
}

/** Other repositories of the same registry where the image is known to be, or to have been: blobs are mounted from there. */
function repositoriesBeside(place: Place, names: readonly string[]): readonly string[] {
  if (place.kind !== "registry") return [];
  const { registry, repository } = place.reference;
  const found = names.map(parseReference).filter((name) => name.registry === registry);
  const others = new Set(found.map((name) => name.repository).filter((name) => name !== repository));
  return [...others].slice(0, MAX_MOUNTS);
}
