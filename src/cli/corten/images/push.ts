import { resolveImage, save } from "../../../image/index.ts";
import { canonicalReference, parseReference } from "../../../spec/index.ts";
import { openSink, type Place, parsePlace } from "../../../transport/index.ts";
import { openProgress } from "../../terminal/progress.ts";
import { print } from "../../terminal/stream.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import type { pushOptions } from "../table/images.ts";
import { isPlace, registryOptions } from "./origin.ts";
import { shortDigest } from "./pull-progress.ts";
import { openImageStore } from "./store.ts";

/** `corten push IMAGE [DESTINATION]`: prints the digest that the name means there now. */
export async function run(call: CortenCall<typeof pushOptions>): Promise<number> {
  const [text, destination = text] = call.args;
  using store = openImageStore(call);
  const image = await resolveImage(store, text!);
  const place = destinationOf(destination!);
  const progress = await openProgress(call.options.quiet);
  const root = await interruptible(async (signal) => {
    await using sink = await openSink(place, { registry: registryOptions(call.options) });
    return await save(store, image, sink, {
      signal,
      onProgress: ({ descriptor: { digest, size }, state }) => {
        const name = shortDigest(digest);
        if (state === "writing") progress.update(digest, { name, status: "Pushing", total: size });
        else progress.update(digest, { name, status: state === "done" ? "Pushed" : "Already exists" });
      },
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
