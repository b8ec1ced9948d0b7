import type { BuiltLayer, ByteString, LayerDirectory } from "../archive/index.ts";
import { CortenError, type Digest, JsonView, parseStrictJson } from "../spec/index.ts";

/** What is kept beside a layer's image: what stacking it on others needs to know. */
export interface LayerIndex {
  readonly diffID: Digest;
  /** Bytes of the image; another length means that the file is damaged. */
  readonly size: number;
  /** Bytes of the archive that the image is an index of; undefined where it holds all itself. */
  readonly archive: number | undefined;
  /** Parents before their children, the root first. */
  readonly directories: readonly LayerDirectory[];
  /** Paths that the layer deletes from lower ones. */
  readonly whiteouts: readonly ByteString[];
}

const VERSION = 1;

/** Encodes the parts of a built layer, or of one that was found sound, that are kept. */
export function encodeLayerIndex(
  layer: Pick<BuiltLayer, "diffID" | "size" | "directories" | "whiteouts">,
  archive?: number,
): string {
  return JSON.stringify({
    version: VERSION,
    diffID: layer.diffID,
    size: layer.size,
    archive,
    whiteouts: layer.whiteouts,
    directories: layer.directories.map(({ path, mode, uid, gid, mtime, xattrs, implied, opaque }) => ({
      path,
      mode,
      uid,
      gid,
      mtime: [mtime.seconds, mtime.nanoseconds],
      xattrs: [...xattrs].map(([name, value]) => [name, Buffer.from(value).toString("base64")]),
      flags: (implied ? 1 : 0) | (opaque ? 2 : 0),
    })),
  });
}

/** Reads {@link encodeLayerIndex}'s form. @throws data-loss when it is damaged */
export function decodeLayerIndex(bytes: Uint8Array, file: string): LayerIndex {
  try {
    const view = new JsonView(parseStrictJson(bytes, file), file);
    if (view.field("version").size() !== VERSION) throw view.field("version").fault("is unknown");
    return {
      diffID: view.field("diffID").string() as Digest,
      size: view.field("size").size(),
      archive: view.field("archive").absent ? undefined : view.field("archive").size(),
      whiteouts: view.field("whiteouts").strings(),
      directories: view.field("directories").items().map(readDirectory),
    };
  } catch (cause) {
    throw new CortenError("data-loss", `the index of a layer is damaged: ${file}`, {
      cause,
      hint: "remove the file: it is made again from the image's layer",
    });
  }
}

function readDirectory(view: JsonView): LayerDirectory {
  const [seconds, nanoseconds] = view.field("mtime").items();
  const flags = view.field("flags").size();
  return {
    path: view.field("path").string(),
    mode: view.field("mode").size(),
    uid: view.field("uid").size(),
    gid: view.field("gid").size(),
    // A time before 1970 is negative.
    mtime: { seconds: Number(seconds?.value), nanoseconds: nanoseconds?.size() ?? 0 },
    xattrs: new Map(
      view
        .field("xattrs")
        .items()
        .map((pair) => {
          const [name = "", value = ""] = pair.strings();
          return [name, Buffer.from(value, "base64")];
        }),
    ),
    implied: (flags & 1) !== 0,
    opaque: (flags & 2) !== 0,
  };
}
