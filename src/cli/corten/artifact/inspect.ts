import { artifactManifest } from "../../../image/index.ts";
import { Annotation } from "../../../spec/index.ts";
import { openSource, printPlace } from "../../../transport/index.ts";
import { printJson, write } from "../../terminal/stream.ts";
import { interruptible } from "../interruption.ts";
import type { artifactInspectOptions } from "../table/artifact.ts";
import type { CortenCall } from "../table/globals.ts";
import { accessOf, registryAccess } from "../transfer/access.ts";
import { wantedPlatform } from "../transfer/platform.ts";
import { artifactPlace } from "./place.ts";

/** `corten artifact inspect PLACE` */
export async function run({ args, options }: CortenCall<typeof artifactInspectOptions>): Promise<number> {
  const place = artifactPlace(args[0]!);
  const registry = registryAccess(accessOf(options), (note) => write(2, `${note}\n`));
  const { document, manifest } = await interruptible(async (signal) => {
    await using source = await openSource(place, { registry });
    return await artifactManifest(source, { ...wantedPlatform(options.platform), signal });
  });
  const { mediaType, digest, size } = document.descriptor;
  printJson({
    reference: printPlace(place),
    mediaType,
    digest,
    size,
    artifactType: manifest.artifactType ?? manifest.config.mediaType,
    ...(manifest.subject === undefined ? {} : { subject: manifest.subject }),
    annotations: manifest.annotations ?? {},
    config: manifest.config,
    files: manifest.layers.map((layer) => ({
      title: layer.annotations?.[Annotation.title] ?? null,
      mediaType: layer.mediaType,
      digest: layer.digest,
      size: layer.size,
    })),
  });
  return 0;
}
