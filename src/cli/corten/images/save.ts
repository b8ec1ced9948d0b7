import { createReadStream } from "node:fs";
import { type Image, parsePlatform, resolveImage, save } from "../../../image/index.ts";
import { CortenError, parseReference } from "../../../spec/index.ts";
import { openArchive } from "../../../transport/index.ts";
import { isTerminal, write } from "../../terminal/stream.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import type { saveOptions } from "../table/images.ts";
import { openImageStore } from "./store.ts";
import { temporaryFile } from "./temporary-file.ts";

/** `corten save IMAGE…`: all of them into one archive. */
export async function run(call: CortenCall<typeof saveOptions>): Promise<number> {
  const { output, format, platform } = call.options;
  if (output === undefined && isTerminal(1)) {
    throw new CortenError("invalid-argument", "an archive is not written to a terminal", {
      hint: "name a file with -o, or redirect stdout",
    });
  }
  using store = openImageStore(call);
  const wanted = platform === undefined ? {} : { platform: parsePlatform(platform) };
  const single = format === "docker-archive" || platform !== undefined;
  // One that is not here fails before the others are written.
  const images = await Promise.all(call.args.map((text) => resolveImage(store, text, wanted)));
  using temporary = output === undefined ? temporaryFile() : undefined;
  await interruptible(async (signal) => {
    await using archive = await openArchive(format, output ?? temporary!.path);
    for (const [at, image] of images.entries()) {
      await save(store, image, archive.image(namesOf(image, call.args[at]!)), { signal, single });
    }
    await archive.finish();
  });
  if (temporary) for await (const chunk of createReadStream(temporary.path)) write(1, chunk);
  return 0;
}

/** The name that the user gave, where it is one; an ID has the image's first name, if it has one. */
function namesOf(image: Image, text: string): readonly string[] {
  const named =
    image.names.find((name) => name === canonicalOrNothing(text)) ??
    image.names.find((name) => !name.includes("@"));
  return named === undefined ? [] : [named];
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
