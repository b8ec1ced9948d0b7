import type { FlatAttributes, FlatEntry, FlatFile } from "../../archive/index.ts";
import { FlatDirectory, FlatTree, scanLayer, toText } from "../../archive/index.ts";
import { openAsArchive } from "../erofs-layer.ts";
import type { SourceLayer } from "../source-image.ts";

/** What is told of one file. */
export interface FileFacts {
  readonly type: FlatFile["type"] | "directory";
  /** Octal, four digits. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a regular file. */
  readonly size?: number;
  /** Digest of a regular file's content. */
  readonly content?: string;
  /** Target of a symbolic link. */
  readonly link?: string;
  /** `major:minor` of a device. */
  readonly device?: string;
  /** Values in base64. */
  readonly xattrs?: Readonly<Record<string, string>>;
  /** Seconds since 1970, with nanoseconds. */
  readonly mtime?: string;
}

/** A file that two images do not have alike. */
export interface FileChange {
  readonly path: string;
  readonly change: "added" | "removed" | "changed";
  /** Which facts differ, of a changed file. */
  readonly what: readonly (keyof FileFacts)[];
  readonly before?: FileFacts;
  readonly after?: FileFacts;
}

/** Options of {@link diffFiles}. */
export interface DiffFilesOptions {
  /** Compare times of change as well. Default: false. */
  readonly mtime?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * The files that differ between two stacks of layers, by path. Layers are read once, those that both
 * begin with once for both; names, attributes and digests are held, content is not.
 */
export async function* diffFiles(
  before: readonly SourceLayer[],
  after: readonly SourceLayer[],
  options: DiffFilesOptions = {},
): AsyncGenerator<FileChange, void, undefined> {
  const trees = [new FlatTree(), new FlatTree()] as const;
  let common = 0;
  while (common < before.length && before[common]?.diffID === after[common]?.diffID) common++;
  if (common === before.length && common === after.length) return;
  for (const layer of before.slice(0, common)) await applyLayer(layer, trees, options);
  for (const layer of before.slice(common)) await applyLayer(layer, [trees[0]], options);
  for (const layer of after.slice(common)) await applyLayer(layer, [trees[1]], options);
  for (const [old, now] of pairs(withRoot(trees[0]), withRoot(trees[1]))) {
    const change = compare(old, now, options.mtime === true);
    if (change !== undefined) yield change;
  }
}

async function applyLayer(
  layer: SourceLayer,
  trees: readonly FlatTree[],
  { signal }: DiffFilesOptions,
): Promise<void> {
  const { createHash } = await import("node:crypto");
  for (const tree of trees) tree.begin();
  let hash = createHash("sha256");
  let position = 0;
  const visitor = {
    data: (bytes: Uint8Array, at: number) => {
      // A hole reads as zeros, however the archive says it.
      for (; position < at; position += ZEROS.length)
        hash.update(ZEROS.subarray(0, Math.min(ZEROS.length, at - position)));
      hash.update(bytes);
      position = at + bytes.length;
    },
    end: (entry: Parameters<FlatTree["apply"]>[0], index: number) => {
      let content: string | undefined;
      if (entry.type === "file") {
        visitor.data(NOTHING, entry.size);
        content = `sha256:${hash.digest("hex")}`;
        hash = createHash("sha256");
        position = 0;
      }
      for (const tree of trees) tree.apply(entry, index, content);
    },
  };
  const call = signal === undefined ? {} : { signal };
  const { content, ...expected } = await openAsArchive(layer, call);
  await scanLayer(content, visitor, { ...expected, ...call });
  for (const tree of trees) tree.seal();
}

const ZEROS = new Uint8Array(64 * 1024);
const NOTHING = new Uint8Array(0);

function* withRoot(tree: FlatTree): Generator<FlatEntry, void, undefined> {
  yield { path: "", node: tree.root };
  yield* tree.entries();
}

/** Entries of two trees side by side, in the order of their paths' components. */
function* pairs(
  before: Iterator<FlatEntry>,
  after: Iterator<FlatEntry>,
): Generator<readonly [FlatEntry | undefined, FlatEntry | undefined], void, undefined> {
  let [old, now] = [before.next(), after.next()];
  for (;;) {
    if (old.done === true && now.done === true) return;
    const order =
      old.done === true ? 1 : now.done === true ? -1 : comparePaths(old.value.path, now.value.path);
    yield [
      order <= 0 ? (old.value as FlatEntry) : undefined,
      order >= 0 ? (now.value as FlatEntry) : undefined,
    ];
    if (order <= 0) old = before.next();
    if (order >= 0) now = after.next();
  }
}

/** The order in which a tree is walked: a slash comes before every other byte. */
function comparePaths(left: string, right: string): number {
  if (left === right) return 0;
  const [a, b] = [left.replaceAll("/", "\0"), right.replaceAll("/", "\0")];
  return a < b ? -1 : 1;
}

function compare(
  old: FlatEntry | undefined,
  now: FlatEntry | undefined,
  mtime: boolean,
): FileChange | undefined {
  const before = old === undefined ? undefined : factsOf(old.node, mtime);
  const after = now === undefined ? undefined : factsOf(now.node, mtime);
  const path = `/${toText((old ?? now)!.path)}`;
  if (before === undefined) return { path, change: "added", what: [], ...(after && { after }) };
  if (after === undefined) return { path, change: "removed", what: [], before };
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])] as (keyof FileFacts)[];
  const what = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  return what.length === 0 ? undefined : { path, change: "changed", what, before, after };
}

function factsOf(node: FlatFile | FlatDirectory, mtime: boolean): FileFacts {
  const { type, mode, uid, gid, xattrs } = node;
  return {
    type,
    mode: mode.toString(8).padStart(4, "0"),
    uid,
    gid,
    ...(node instanceof FlatDirectory ? {} : ownFacts(node)),
    ...(xattrs.size === 0 ? {} : { xattrs: valuesOf(xattrs) }),
    ...(mtime ? { mtime: timeOf(node) } : {}),
  };
}

function ownFacts({ type, size, content, linkPath, deviceMajor, deviceMinor }: FlatFile): Partial<FileFacts> {
  switch (type) {
    case "file":
      return { size, ...(content === undefined ? {} : { content }) };
    case "symlink":
      return { link: toText(linkPath) };
    case "fifo":
      return {};
    default:
      return { device: `${deviceMajor}:${deviceMinor}` };
  }
}

function valuesOf(xattrs: FlatAttributes["xattrs"]): Record<string, string> {
  const sorted = [...xattrs].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    sorted.map(([name, value]) => [toText(name), Buffer.from(value).toString("base64")]),
  );
}

function timeOf({ mtime: { seconds, nanoseconds } }: FlatAttributes): string {
  return `${seconds}.${String(nanoseconds).padStart(9, "0")}`;
}
