import { createReadStream } from "node:fs";
import { parsePlatform, resolveImage, save } from "../../../image/index.ts";
import { CortenError, familiarReference, parseReference } from "../../../spec/index.ts";
import { openSink } from "../../../transport/index.ts";
import { isTerminal, write } from "../../terminal/stream.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import type { saveOptions } from "../table/images.ts";
import { openImageStore } from "./store.ts";
import { temporaryFile } from "./temporary-file.ts";

/** `corten save IMAGE` */
export async function run(call: CortenCall<typeof saveOptions>): Promise<number> {
  const { output, format, platform } = call.options;
  if (output === undefined && isTerminal(1)) {
    throw new CortenError("invalid-argument", "an archive is not written to a terminal", {
      hint: "name a file with -o, or redirect stdout",
    });
  }
  using store = openImageStore(call);
  const text = call.args[0]!;
  const image = await resolveImage(
    store,
    text,
    platform === undefined ? {} : { platform: parsePlatform(platform) },
  );
  // The name that the user gave, where it is one; an ID has the image's first name.
  const named =
    image.names.find((name) => name === canonicalOrNothing(text)) ??
    image.names.find((name) => !name.includes("@"));
  const ref =
    named === undefined
      ? {}
      : { ref: format === "docker-archive" ? familiarReference(parseReference(named)) : named };
  using temporary = output === undefined ? temporaryFile() : undefined;
  const path = output ?? temporary!.path;
  await interruptible(async (signal) => {
    await using sink = await openSink({ kind: format, path, ...ref });
    await save(store, image, sink, { signal, single: format === "docker-archive" || platform !== undefined });
  });
  if (temporary) for await (const chunk of createReadStream(temporary.path)) write(1, chunk);
  return 0;
}

function canonicalOrNothing(text: string): string | undefined {
  try {
    const { registry, repository, tag } = parseReference(text);
    return `${registry}/${repository}:${tag ?? "latest"}`;
  } catch (error) {
    if (error instanceof CortenError) return undefined; // an ID is no reference
    throw error;
  }
}
