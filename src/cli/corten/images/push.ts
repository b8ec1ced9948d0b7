import { resolveImage, save, uploadJournal } from "../../../image/index.ts";
import { canonicalReference, parseReference } from "../../../spec/index.ts";
import { openSink, type Place, parsePlace } from "../../../transport/index.ts";
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
  using store = openImageStore(call);
  const image = await resolveImage(store, text!);
  const place = destinationOf(destination!);
  const progress = await showTransfer(call.options.quiet, "push");
  const root = await interruptible(async (signal) => {
    const registry = {
      ...registryAccess(accessOf(call.options), progress.note),
      uploads: uploadJournal(store),
      mountFrom: repositoriesBeside(place, image.names),
    };
    await using sink = await openSink(place, { registry });
    return await save(store, image, sink, {
      signal,
      onProgress: progress.onProgress,
    });
  }).finally(() => progress.finish());
  print(root.digest);
  return 0;
}

function destinationOf(text: string): Place {
  if (isPlace(text)) return parsePlace(text);
  const reference = parseReference(text);
  return parsePlace(`docker://${canonicalReference(reference)}`);
}

/** Other repositories of the same registry where the image is known to be, or to have been: blobs are mounted from there. */
function repositoriesBeside(place: Place, names: readonly string[]): readonly string[] {
  if (place.kind !== "registry") return [];
  const { registry, repository } = place.reference;
  const found = names.map(parseReference).filter((name) => name.registry === registry);
  const others = new Set(found.map((name) => name.repository).filter((name) => name !== repository));
  return [...others].slice(0, MAX_MOUNTS);
}
