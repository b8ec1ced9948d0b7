import { createReadStream } from "node:fs";
import { decompress, readTar, toText } from "../../../archive/index.ts";
import {
  Annotation,
  CortenError,
  MAX_DOCUMENT_SIZE,
  parseIndex,
  parseStrictJson,
} from "../../../spec/index.ts";
import { nameOfFile, type Origin } from "./origin.ts";

/**
 * The images in an archive, each with the name it gets: every tag of a docker-archive, every entry of an OCI
 * layout's index. An archive that is both, as Docker writes them since version 25, is read as a docker-archive.
 *
 * @param file what the archive is called for the user, where an image in it has no name
 * @throws invalid-argument when it holds no images
 */
export async function archiveImages(path: string, file = path): Promise<Origin[]> {
  const documents = await readDocuments(path);
  const saved = documents.get("manifest.json");
  if (saved) return savedImages(path, file, saved);
  const index = documents.get("index.json");
  if (index) return layoutImages(path, file, index);
  throw new CortenError(
    "invalid-argument",
    `${file} holds no images: it has neither manifest.json nor index.json`,
    {
      hint: "`corten import` makes an image of a root file system",
    },
  );
}

/** The two files that say what is in an archive. */
async function readDocuments(path: string): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for await (const entry of readTar(decompress(createReadStream(path)))) {
    const name = toText(entry.path).replace(/^\.\//, "");
    if (name !== "manifest.json" && name !== "index.json") continue;
    if (entry.type !== "file" || entry.size > MAX_DOCUMENT_SIZE) {
      throw new CortenError(
        "invalid-argument",
        `${path}: ${name} is no file of at most ${MAX_DOCUMENT_SIZE} bytes`,
      );
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry.body) chunks.push(chunk.slice());
    found.set(name, Buffer.concat(chunks));
  }
  return found;
}

function savedImages(path: string, file: string, bytes: Uint8Array): Origin[] {
  const images = parseStrictJson(bytes, `${file}: manifest.json`);
  const tags = (Array.isArray(images) ? images : []).flatMap((image: { RepoTags?: unknown }) =>
    Array.isArray(image?.RepoTags) ? image.RepoTags.filter((tag) => typeof tag === "string") : [],
  );
  if (tags.length === 0) return [{ place: { kind: "docker-archive", path }, name: nameOfFile(file) }];
  return tags.map((ref: string) => ({ place: { kind: "docker-archive", path, ref }, name: ref }));
}

function layoutImages(path: string, file: string, bytes: Uint8Array): Origin[] {
  const { manifests } = parseIndex(bytes, undefined, { what: `${file}: index.json` });
  return manifests.map(({ annotations = {} }) => {
    const full = annotations[Annotation.containerdImageName];
    const ref = annotations[Annotation.refName];
    const place = { kind: "oci-archive", path, ...(ref === undefined ? {} : { ref }) } as const;
    if (full !== undefined) return { place: { ...place, ref: full }, name: full };
    if (ref === undefined) return { place, name: nameOfFile(file) };
    // A bare tag, as `skopeo copy … oci-archive:FILE:TAG` writes it, belongs to no repository.
    return { place, name: /[/:]/.test(ref) ? ref : `${nameOfFile(file)}:${ref}` };
  });
}
