import type { Store } from "../../../content/index.ts";
import { annotateEntry, annotateIndex, editIndex, readIndex, resolveImage } from "../../../image/index.ts";
import type { Digest } from "../../../spec/index.ts";
import { CortenError, parseDigest } from "../../../spec/index.ts";
import { print } from "../../terminal/stream.ts";
import { openImageStore } from "../images/store.ts";
import type { CortenCall } from "../table/globals.ts";
import type { manifestAnnotateOptions } from "../table/manifest.ts";
import { entrySettings } from "./entry-settings.ts";

/** `corten manifest annotate LIST IMAGE` */
export async function run(call: CortenCall<typeof manifestAnnotateOptions>): Promise<number> {
  const [list, image] = call.args;
  const settings = entrySettings(call.options);
  const { annotations = {}, ...ofEntry } = settings;
  if (
    call.options.index === (image !== undefined) ||
    (call.options.index && Object.keys(ofEntry).length > 0)
  ) {
    throw new CortenError("invalid-argument", "an IMAGE is annotated, or with --index the index itself");
  }
  using store = openImageStore(call);
  const digest = image === undefined ? undefined : await entryDigest(store, list!, image);
  using lease = store.lease();
  const made = await editIndex(
    store,
    list!,
    (index) =>
      digest === undefined ? annotateIndex(index, annotations) : annotateEntry(index, digest, settings),
    lease,
  );
  print(made.digest);
  return 0;
}

/** The entry that the user means: by digest, or by the name of an image that is here. */
export async function entryDigest(store: Store, list: string, text: string): Promise<Digest> {
  if (/^sha(?:256|512):/.test(text)) return parseDigest(text);
  const image = await resolveImage(store, text);
  const { index } = await readIndex(store, list);
  const listed = index.manifests.find(({ digest }) => digest === image.root.digest);
  return listed?.digest ?? (await image.descriptor()).digest;
}
