import { pullArtifact } from "../../../image/index.ts";
import { openSource } from "../../../transport/index.ts";
import { print, printJson, write } from "../../terminal/stream.ts";
import { showTransfer } from "../images/transfer-progress.ts";
import { interruptible } from "../interruption.ts";
import type { artifactPullOptions } from "../table/artifact.ts";
import type { CortenCall } from "../table/globals.ts";
import { accessOf, registryAccess } from "../transfer/access.ts";
import { wantedPlatform } from "../transfer/platform.ts";
import { artifactPlace } from "./place.ts";

/** `corten artifact pull PLACE` */
export async function run({ args, options }: CortenCall<typeof artifactPullOptions>): Promise<number> {
  const place = artifactPlace(args[0]!);
  const progress = await showTransfer(options.quiet, "pull");
  const registry = registryAccess(accessOf(options), progress.note);
  const pulled = await interruptible(async (signal) => {
    await using source = await openSource(place, { registry });
    return await pullArtifact(source, options.output, {
      ...wantedPlatform(options.platform),
      ...(options.config === undefined ? {} : { configFile: options.config }),
      keepOldFiles: options["keep-old-files"],
      onProgress: progress.onProgress,
      signal,
    });
  }).finally(() => progress.finish());
  const { untitled, ...shown } = pulled;
  if (untitled.length > 0) write(2, `${untitled.length} layers without a title were left out\n`);
  if (options.format === "json") printJson({ ...shown, untitled });
  else for (const file of pulled.files) print(file);
  return 0;
}
