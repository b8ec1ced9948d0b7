import type { Digest } from "../spec/index.ts";
import { CortenError, diffIDAlgorithm } from "../spec/index.ts";
import type { ByteString } from "./byte-string.ts";
import type { DecompressLimits } from "./compression.ts";
import { decompress } from "./compression.ts";
import { type ContentSink, indexContent } from "./erofs-content.ts";
import { TAR_BLOCK_BITS } from "./erofs-format.ts";
import { ErofsWriter } from "./erofs-writer.ts";
import type { BorrowedFile } from "./layer-node.ts";
import { LayerTree } from "./layer-tree.ts";
import type { LayersBelow } from "./layers-below.ts";
import { OPAQUE_XATTR } from "./overlay-xattr.ts";
import type { TarEntry } from "./tar-entry.ts";
import type { TarLimits } from "./tar-limits.ts";
import { withDefaultLimits } from "./tar-limits.ts";
import { TarTokenizer } from "./tar-tokenizer.ts";
import type { NodeAttributes } from "./tree.ts";

export interface BuildLayerOptions {
  /** Path of the image to write; must not exist. The caller renames it into place. */
  readonly output: string;
  /** The layer's digest when unpacked, from the image's configuration; verified when given. */
  readonly expectedDiffID?: Digest;
  /** The layers it is unpacked upon, for one that reaches into them. */
  readonly below?: LayersBelow;
  /**
   * The source is a plain tar archive that is kept: the image is only an index of it, and the content of files stays
   * where it is. Not for one with sparse files, whose content is not in one piece there, and not for one that ends within a
   * block, as `umoci insert` leaves them. Default: false.
   */
  readonly indexed?: boolean;
  readonly limits?: TarLimits & DecompressLimits;
  readonly signal?: AbortSignal;
}

/** A directory of a built layer. */
export interface LayerDirectory extends NodeAttributes {
  /** Relative to the root, without slashes at either end; the root's is empty. */
  readonly path: ByteString;
  /**
   * True when the archive names something below it but not the directory itself: its attributes
   * (0755, root, the epoch) are made up, and those of a lower layer ought to show through.
   */
  readonly implied: boolean;
  /** True when it hides what lower layers have below it. */
  readonly opaque: boolean;
}

/** What {@link buildLayer} made. */
export interface BuiltLayer {
  /** Digest of the unpacked archive, padding included. */
  readonly diffID: Digest;
  /** Length of the image in bytes. */
  readonly size: number;
  /** Length of the unpacked archive in bytes. */
  readonly bytesUncompressed: number;
  /** Entries in the archive, whiteouts included. */
  readonly entries: number;
  /** Every directory, parents before their children, the root first. */
  readonly directories: readonly LayerDirectory[];
  /** Paths that the layer deletes from lower ones, without those inside opaque directories. */
  readonly whiteouts: readonly ByteString[];
  /** Names of extended attributes that Linux cannot show in a container and the image leaves out; at most 16. */
  readonly droppedXattrs: readonly ByteString[];
}

/** Larger chunks are cut, so that no more than this piles up between two looks at the disk. */
const STRIDE = 2 ** 22;

/**
 * Turns a layer, a tar archive packed in any way, into an EROFS image in one pass: inflating,
 * hashing, parsing and writing overlap, and nothing is held in memory but names, attributes and the
 * short ends of files. The image is durable when this returns, and removed when it throws.
 *
 * @throws data-loss when the archive is not what `expectedDiffID` says or its packing is damaged,
 * invalid-argument when it is malformed, resource-exhausted beyond a limit or on a full disk,
 * already-exists when there is a file at `output`, failed-precondition when the layer needs to know
 * those `below`
 */
export async function buildLayer(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: BuildLayerOptions,
): Promise<BuiltLayer> {
  const { output, expectedDiffID, below, indexed = false, limits = {}, signal } = options;
  const algorithm = expectedDiffID === undefined ? "sha256" : diffIDAlgorithm(expectedDiffID);
  const { createHash } = await import("node:crypto");
  const hash = createHash(algorithm);
  // Not `await using`: Node 22 does not know it.
  const writer = new ErofsWriter(output, { indexed });
  try {
    const intake = new LayerIntake(writer, limits, below, indexed);
    let bytesUncompressed = 0;
    for await (const chunk of decompress(source, { limits, ...(signal === undefined ? {} : { signal }) })) {
      bytesUncompressed += chunk.length;
      for (let from = 0; from < chunk.length; from += STRIDE) {
        const piece = chunk.length <= STRIDE ? chunk : chunk.subarray(from, from + STRIDE);
        hash.update(piece);
        intake.push(piece);
        if (writer.pressed) await writer.drain();
      }
      signal?.throwIfAborted();
    }
    const hex = hash.digest("hex");
    const diffID: Digest = `${algorithm}:${hex}`;
    // Before the archive's end is judged: damage is the better explanation for a cut-off archive.
    if (expectedDiffID !== undefined && diffID !== expectedDiffID) {
      throw new CortenError("data-loss", `layer unpacks to ${diffID}, not ${expectedDiffID}`, {
        hint: "the image's configuration and its layer do not belong together; pull the image again",
      });
    }
    const { tree, entries } = intake.finish();
    // The kernel reads the archive in blocks, and fails on one that is not all there.
    if (indexed && bytesUncompressed % 2 ** TAR_BLOCK_BITS !== 0) {
      throw notIndexable("a layer whose archive ends within a block");
    }
    const directories = tree.seal();
    for (const file of tree.borrowed) await copyContent(writer, file);
    const uuid = Buffer.from(below === undefined ? hex : encodedPart(below.chainID), "hex").subarray(0, 16);
    const { size } = await writer.finish(tree.root, uuid, indexed ? bytesUncompressed : undefined);
    const droppedXattrs = [...tree.droppedXattrs];
    return { diffID, size, bytesUncompressed, entries, ...summarise(directories), droppedXattrs };
  } finally {
    await writer[Symbol.asyncDispose]();
  }
}

/** Copies what a lower layer's file holds, holes left out. */
async function copyContent(writer: ErofsWriter, { from, node }: BorrowedFile): Promise<void> {
  const { image, file } = from;
  const sink = writer.content(file.size, file.xattrs, image.segments(file));
  for (const { bytes, position } of image.pieces(file)) {
    sink.write(bytes, position);
    if (writer.pressed) await writer.drain();
  }
  node.content = sink.end();
}

function encodedPart(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}

/** Takes in the unpacked archive: content to the writer, everything else to the tree. */
class LayerIntake {
  readonly #writer: ErofsWriter;
  readonly #tokens: TarTokenizer;
  readonly #tree: LayerTree;
  readonly #indexed: boolean;
  #attributes!: NodeAttributes;
  #sink: ContentSink | undefined;
  #entries = 0;

  constructor(writer: ErofsWriter, limits: TarLimits, below: LayersBelow | undefined, indexed: boolean) {
    this.#writer = writer;
    this.#indexed = indexed;
    this.#tokens = new TarTokenizer(limits);
    this.#tree = new LayerTree(withDefaultLimits(limits).entries, below);
  }

  push(chunk: Uint8Array): void {
    const tokens = this.#tokens;
    tokens.push(chunk);
    for (let token = tokens.next(); token !== "more"; token = tokens.next()) {
      if (token === "data") this.#sink?.write(tokens.data, tokens.position);
      else if (token === "entry") this.#begin();
      else {
        this.#tree.apply(tokens.entry, this.#attributes, this.#sink?.end());
        this.#sink = undefined;
      }
    }
  }

  finish(): { readonly tree: LayerTree; readonly entries: number } {
    this.#tokens.finish();
    return { tree: this.#tree, entries: this.#entries };
  }

  #begin(): void {
    const { entry } = this.#tokens;
    this.#entries++;
    this.#attributes = this.#tree.attributes(entry);
    if (!this.#tree.wantsContent(entry)) return;
    if (this.#indexed) this.#sink = indexedSink(entry, this.#tokens.offset);
    else {
      this.#sink = this.#writer.content(entry.size, this.#attributes.xattrs, entry.sparse);
    }
  }
}

/** Takes nothing: the content is in the archive, from byte `at` on. */
function indexedSink(entry: TarEntry, at: number): ContentSink {
  if (entry.sparse === undefined) return { write: () => undefined, end: () => indexContent(entry.size, at) };
  throw notIndexable("a layer with sparse files");
}

function notIndexable(what: string): CortenError {
  return new CortenError("unimplemented", `${what} cannot be indexed`, {
    hint: "store it as an image of its own",
  });
}

function summarise(sealed: ReturnType<LayerTree["seal"]>): Pick<BuiltLayer, "directories" | "whiteouts"> {
  const directories: LayerDirectory[] = [];
  const whiteouts: ByteString[] = [];
  for (const [path, directory] of sealed) {
    const { mode, uid, gid, mtime, implied, opaque } = directory;
    directories.push({ path, mode, uid, gid, mtime, xattrs: ownXattrs(directory), implied, opaque });
    for (const [name, child] of directory.children) {
      if (child.type !== "char-device" || child.major !== 0 || child.minor !== 0) continue;
      whiteouts.push(path === "" ? name : `${path}/${name}`);
    }
  }
  return { directories, whiteouts };
}

/** The attributes without the opaque mark, which belongs to this layer's image alone. */
function ownXattrs({
  xattrs,
  opaque,
}: NodeAttributes & { readonly opaque: boolean }): NodeAttributes["xattrs"] {
  return opaque ? new Map([...xattrs].filter(([name]) => name !== OPAQUE_XATTR)) : xattrs;
}
