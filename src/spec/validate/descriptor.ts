import type { Digest } from "../digest.ts";
import { parseDigest, splitDigest } from "../digest.ts";
import { isCortenError } from "../error.ts";
import type { Descriptor } from "../image.ts";
import { MediaType } from "../media-types.ts";
import { examineAnnotations } from "./annotations.ts";
import type { Examined } from "./examined.ts";
import { shown } from "./finding.ts";
import { isMediaType } from "./grammar.ts";
import { examinePlatform } from "./platform.ts";

/** The descriptor of `{}` (manifest.md, "Guidance for an Empty Descriptor"). */
export const EMPTY_DIGEST: Digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

const ALGORITHMS: ReadonlySet<string> = new Set(["sha256", "sha512", "blake3"]);

/**
 * Judges a content descriptor (descriptor.md).
 *
 * @returns it, when mediaType, digest and size are usable
 */
export function examineDescriptor(view: Examined): Descriptor | undefined {
  if (view.object() === undefined) return undefined;
  const mediaType = examineMediaType(view.required("mediaType"));
  const digest = examineDigest(view.required("digest"));
  const size = examineSize(view.required("size"));
  for (const url of view.optional("urls")?.strings() ?? []) examineURL(url);
  const annotations = view.optional("annotations");
  if (annotations !== undefined) examineAnnotations(annotations);
  const artifactType = view.optional("artifactType");
  examineMediaType(artifactType);
  const platform = view.optional("platform");
  const data = view.optional("data");
  if (mediaType === MediaType.empty && (digest !== EMPTY_DIGEST || size !== 2)) {
    view.report("empty-descriptor", `has the empty type, but is not ${EMPTY_DIGEST} of 2 bytes`);
  }
  const known = platform === undefined ? undefined : examinePlatform(platform);
  const embedded = data === undefined ? undefined : examineData(data, size);
  if (mediaType === undefined || digest === undefined || size === undefined) return undefined;
  return {
    mediaType,
    digest,
    size,
    ...(known === undefined ? {} : { platform: known }),
    ...(embedded === undefined ? {} : { data: embedded }),
    ...(typeof artifactType?.value === "string" ? { artifactType: artifactType.value } : {}),
    ...(annotations?.object() === undefined
      ? {}
      : { annotations: stringsOf(annotations.object() as Readonly<Record<string, unknown>>) }),
  };
}

function stringsOf(map: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(map).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

/** Judges a media type (RFC 6838, section 4.2); undefined where there is none to go on with. */
export function examineMediaType(view: Examined | undefined): string | undefined {
  const text = view?.string();
  if (text !== undefined && !isMediaType(text))
    view!.report("media-type", `is ${shown(text)}, no media type`);
  return text;
}

/** Judges a digest's grammar; undefined where it must not be used. */
export function examineDigest(view: Examined | undefined): Digest | undefined {
  const text = view?.string();
  if (view === undefined || text === undefined) return undefined;
  try {
    const digest = parseDigest(text);
    const [algorithm] = splitDigest(digest);
    if (!ALGORITHMS.has(algorithm))
      view.report("digest-algorithm", `has the unregistered algorithm "${algorithm}"`);
    return digest;
  } catch (error) {
    if (!isCortenError(error)) throw error;
    view.report("digest", `is ${shown(text)}, no digest`);
    return undefined;
  }
}

function examineSize(view: Examined | undefined): number | undefined {
  const size = view?.integer("size");
  if (size === undefined) return undefined;
  if (size >= 0) return size;
  view!.report("size", `is ${size}, but must not be negative`);
  return undefined;
}

function examineURL(view: Examined): void {
  const text = view.value as string;
  if (!URL.canParse(text)) view.report("url", `is ${shown(text)}, no URI`);
  else if (!/^https?:/i.test(text)) view.report("url-scheme", `is ${shown(text)}, neither http nor https`);
}

/** Judges embedded content by its encoding and length; its digest is compared where content is. */
function examineData(view: Examined, size: number | undefined): string | undefined {
  const text = view.string();
  if (text === undefined) return undefined;
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    view.report("descriptor-data", "is not base64");
    return undefined;
  }
  const length = (text.length / 4) * 3 - (text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0);
  if (size !== undefined && length !== size) {
    view.report("descriptor-data", `holds ${length} bytes, but the descriptor's size is ${size}`);
    return undefined;
  }
  return text;
}
