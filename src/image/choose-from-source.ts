import type { Descriptor, Platform } from "../spec/index.ts";
import { isIndexType, parseIndex } from "../spec/index.ts";
import type { Document, ImageSource } from "../transport/index.ts";
import { chooseManifest, flattenIndex, noSuchPlatform } from "./choose.ts";
import { hostPlatform } from "./platform.ts";

/**
 * The image for a platform of those that `named` lists; a manifest is it itself, whatever it is for.
 *
 * @param options `platform`: default this host's
 * @throws not-found when there is none; what the source throws
 */
export async function chooseFromSource(
  source: ImageSource,
  named: Document,
  options: { readonly platform?: Platform; readonly signal?: AbortSignal } = {},
): Promise<Document> {
  if (!isIndexType(named.descriptor.mediaType)) return named;
  const call = options.signal === undefined ? {} : { signal: options.signal };
  const load = async (descriptor: Descriptor) => {
    const bytes = descriptor === named.descriptor ? named.bytes : await source.manifest(descriptor, call);
    return parseIndex(bytes, descriptor.mediaType, { what: `${source.name}: ${descriptor.digest}` });
  };
  const manifests = await flattenIndex(named.descriptor, load);
  const platform = options.platform ?? hostPlatform();
  const chosen = chooseManifest(manifests, platform);
  if (chosen === undefined) throw noSuchPlatform(source.name, manifests, platform);
  const { mediaType, digest, size } = chosen;
  return { descriptor: { mediaType, digest, size }, bytes: await source.manifest(chosen, call) };
}
