import type { ImagePlace, OpenImageSourceOptions } from "../../../image/index.ts";
import { artifactManifest, openImageSource, parsePlatform } from "../../../image/index.ts";
import type { Descriptor } from "../../../spec/index.ts";
import { CortenError } from "../../../spec/index.ts";
import type { artifactAttachOptions } from "../table/artifact.ts";
import type { CortenCall } from "../table/globals.ts";
import { accessOf } from "../transfer/access.ts";
import { artifactContent } from "./content.ts";
import type { ArtifactPlace } from "./place.ts";
import { artifactPlace } from "./place.ts";
import { writeTo } from "./write.ts";

/** `corten artifact attach PLACE FILE[:TYPE]…` */
export async function run(call: CortenCall<typeof artifactAttachOptions>): Promise<number> {
  const { args, options } = call;
  const [text, ...files] = args;
  const place = artifactPlace(text!);
  if (options["artifact-type"] === undefined) {
    throw new CortenError("invalid-argument", "what is attached has a type: --artifact-type");
  }
  const { platform } = options;
  return writeTo(call, accessOf(options), async (registry, signal) => {
    const subject = await descriptorAt(place, platform, { registry }, signal);
    const content = { ...(await artifactContent(files, options)), subject };
    return { content, places: ({ descriptor: { digest } }) => [besides(place, digest)] };
  });
}

/** What a place's name means, or the image for a platform below it. */
export async function descriptorAt(
  place: ImagePlace,
  platform: string | undefined,
  reading: OpenImageSourceOptions,
  signal: AbortSignal,
): Promise<Descriptor> {
  await using source = await openImageSource(place, reading);
  if (platform === undefined) return (await source.root({ signal })).descriptor;
  const { document } = await artifactManifest(source, { platform: parsePlatform(platform), signal });
  return document.descriptor;
}

/** The same repository or layout; what is attached has no name of its own. */
function besides(place: ArtifactPlace, digest: Descriptor["digest"]): ArtifactPlace {
  if (place.kind === "layout") return { kind: place.kind, path: place.path };
  const { registry, repository } = place.reference;
  return { kind: "registry", reference: { registry, repository, digest } };
}
