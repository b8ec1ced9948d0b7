import { readFileSync } from "node:fs";
import { CortenError, type Digest, JsonView, parseStrictJson } from "../spec/index.ts";
import type { LayerPlace, SnapshotFiles } from "./layer-files.ts";
import { isReadable, sizeOf } from "./layer-files.ts";

/** How the layers of one image become a root file system, and what is known of it without a mount. */
export interface LayerStack {
  readonly imageID: Digest;
  /** The lowest first. */
  readonly layers: readonly LayerPlace[];
  /** Absolute paths of EROFS images, the lowest first; the uppermost may be a fix-up. */
  readonly files: readonly string[];
  /** Archives by the indexed images among them, which are to be mounted together. */
  readonly archives: ReadonlyMap<string, string>;
  /** The directory with the whole tree, where layers cannot be mounted; undefined where they are. */
  readonly tree: string | undefined;
  /** Of the root directory. */
  readonly rootAttributes: RootAttributes;
  /** /etc/passwd and /etc/group as the root file system has them, cut at 1 MiB; undefined where there is none. */
  readonly passwd: string | undefined;
  readonly group: string | undefined;
}

export interface RootAttributes {
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A layer of a stack; see {@link LayerPlace}. */
export interface StackedLayerRecord {
  readonly diffID: Digest;
  readonly chainID: Digest | undefined;
  readonly size: number;
  /** Length of the archive of an indexed image. */
  readonly archive: number | undefined;
}

/** What is stored of a stack. Files are named by digest, so that the data directory can be moved. */
export interface StackRecord {
  readonly layers: readonly StackedLayerRecord[];
  readonly fixUp: { readonly chainID: Digest; readonly size: number } | undefined;
  readonly rootAttributes: RootAttributes;
  readonly passwd: string | undefined;
  readonly group: string | undefined;
}

/** 3: images may be indexes of archives. */
const VERSION = 3;

export function encodeStack(record: StackRecord): string {
  return JSON.stringify({ version: VERSION, ...record });
}

/**
 * Reads the stored stack of an image; undefined when there is none, or when one of its files is missing or has not
 * the length it was made with: then it is to be made again. This is on the path of every start: one small file is
 * read, and one stat(2) is made for each layer.
 */
export function readStack(files: SnapshotFiles, imageID: Digest): LayerStack | undefined {
  const file = files.stack(imageID);
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new CortenError("permission-denied", `cannot read ${file}`, { cause });
  }
  let record: StackRecord;
  try {
    record = decodeStack(bytes, file);
  } catch {
    return undefined; // cut short by a power cut: made again like one that is missing
  }
  const paths: string[] = [];
  const layers: LayerPlace[] = [];
  const archives = new Map<string, string>();
  for (const { diffID, chainID, size, archive } of record.layers) {
    const place = files.layer(diffID, chainID);
    if (sizeOf(place.image) !== size) return undefined;
    if (archive !== undefined) {
      if (!files.indexes || !isReadable(archive) || sizeOf(place.archive) !== archive) return undefined;
      archives.set(place.image, place.archive);
    }
    layers.push(place);
    paths.push(place.image);
  }
  if (record.fixUp !== undefined) {
    const path = files.fixUp(record.fixUp.chainID);
    if (sizeOf(path) !== record.fixUp.size) return undefined;
    paths.push(path);
  }
  const { passwd, group, rootAttributes } = record;
  return { imageID, layers, files: paths, archives, tree: undefined, rootAttributes, passwd, group };
}

function decodeStack(bytes: Uint8Array, file: string): StackRecord {
  const view = new JsonView(parseStrictJson(bytes, file), file);
  if (view.field("version").size() !== VERSION) throw view.field("version").fault("is unknown");
  const optional = (name: string) => (view.field(name).absent ? undefined : view.field(name).string());
  const fixUp = view.field("fixUp");
  return {
    layers: view
      .field("layers")
      .items()
      .map((layer) => ({
        diffID: layer.field("diffID").string() as Digest,
        chainID: layer.field("chainID").absent ? undefined : (layer.field("chainID").string() as Digest),
        size: layer.field("size").size(),
        archive: layer.field("archive").absent ? undefined : layer.field("archive").size(),
      })),
    fixUp: fixUp.absent
      ? undefined
      : { chainID: fixUp.field("chainID").string() as Digest, size: fixUp.field("size").size() },
    rootAttributes: {
      mode: view.field("rootAttributes").field("mode").size(),
      uid: view.field("rootAttributes").field("uid").size(),
      gid: view.field("rootAttributes").field("gid").size(),
    },
    passwd: optional("passwd"),
    group: optional("group"),
  };
}
