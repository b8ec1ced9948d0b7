import { parsePlatform } from "../../../image/index.ts";
import { CortenError } from "../../../spec/index.ts";
import type { artifactPushOptions } from "../table/artifact.ts";
import type { CortenCall } from "../table/globals.ts";
import { accessOf } from "../transfer/access.ts";
import { artifactContent, fileWithType } from "./content.ts";
import { artifactPlaces } from "./place.ts";
import { writeTo } from "./write.ts";

/** What oras calls a configuration of which nobody says what it is. */
const UNKNOWN_CONFIG = "application/vnd.unknown.config.v1+json";

/** `corten artifact push PLACE FILE[:TYPE]…` */
export async function run(call: CortenCall<typeof artifactPushOptions>): Promise<number> {
  const { args, options } = call;
  const [text, ...files] = args;
  const places = artifactPlaces(text!);
  const config = options.config === undefined ? undefined : fileWithType(options.config);
  const platform = options["artifact-platform"];
  if (files.length === 0 && config === undefined && options["artifact-type"] === undefined) {
    throw new CortenError("invalid-argument", "an artifact without files has a type: --artifact-type");
  }
  return writeTo(call, accessOf(options), async () => ({
    content: {
      ...(await artifactContent(files, options)),
      ...(config === undefined ? {} : { config: { mediaType: UNKNOWN_CONFIG, ...config } }),
      ...(platform === undefined ? {} : { platform: parsePlatform(platform) }),
    },
    places: () => places,
  }));
}
