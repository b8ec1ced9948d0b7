import type { FileChange, FileFacts, ImageDiff, LayerFacts, ValueChange } from "../../../image/index.ts";
import {
  diffImageFiles,
  diffImages,
  openImageSource,
  parsePlatform,
  readSourceImage,
} from "../../../image/index.ts";
import { print, printJson, write } from "../../terminal/stream.ts";
import { printable, type Style, styleOf } from "../../terminal/style.ts";
import { formatSize } from "../../terminal/units.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import type { diffOptions } from "../table/image-tools.ts";
import { accessOf, registryAccess } from "../transfer/access.ts";
import { imagePlaceOf, LazyStore } from "./places.ts";

const KINDS = ["manifest", "config", "layers", "files"] as const;
type Kind = (typeof KINDS)[number];

/** `corten image diff A B` */
export async function run(call: CortenCall<typeof diffOptions>): Promise<number> {
  const { options, args } = call;
  const kinds = new Set<Kind>(options.type === undefined ? KINDS : [options.type]);
  using store = new LazyStore(call);
  const registry = registryAccess(accessOf(options), (text) => write(2, `${text}\n`));
  const platform = options.platform === undefined ? {} : { platform: parsePlatform(options.platform) };
  // Awaited here: the store has to stay open until it is done.
  return await interruptible(async (signal) => {
    const opened = { store: store.open, registry, signal };
    await using before = await openImageSource(imagePlaceOf(args[0]!), opened);
    await using after = await openImageSource(imagePlaceOf(args[1]!), opened);
    const [old, now] = [
      await readSourceImage(before, { signal, ...platform }),
      await readSourceImage(after, { signal, ...platform }),
    ] as const;
    const documents = diffImages(old, now);
    const files = kinds.has("files") ? diffImageFiles(old, now, { signal, mtime: options.mtime }) : nothing();
    return options.format === "json"
      ? await printAll(kinds, documents, files)
      : await printText(kinds, documents, files);
  });
}

async function* nothing(): AsyncGenerator<FileChange, void, undefined> {}

/** Prints what differs as one JSON document. @returns the exit code, as diff(1) has it */
async function printAll(
  kinds: ReadonlySet<Kind>,
  { identical, ...documents }: ImageDiff,
  files: AsyncIterable<FileChange>,
): Promise<number> {
  const all = { ...documents, files: await Array.fromAsync(files) };
  const shown = Object.fromEntries(KINDS.filter((kind) => kinds.has(kind)).map((kind) => [kind, all[kind]]));
  const equal = !hasDifference(kinds, documents) && all.files.length === 0;
  printJson({ identical, equal, ...shown });
  return equal ? 0 : 1;
}

/** Prints what differs, files as they are found. @returns the exit code, as diff(1) has it */
async function printText(
  kinds: ReadonlySet<Kind>,
  documents: ImageDiff,
  files: AsyncIterable<FileChange>,
): Promise<number> {
  const style = styleOf(1);
  for (const kind of ["manifest", "config"] as const) {
    if (kinds.has(kind)) for (const change of documents[kind]) printValue(style, kind, change);
  }
  if (kinds.has("layers")) printLayers(style, documents.layers);
  let different = hasDifference(kinds, documents);
  for await (const change of files) {
    different = true;
    printFile(style, change);
  }
  return different ? 1 : 0;
}

function hasDifference(
  kinds: ReadonlySet<Kind>,
  { manifest, config, layers }: Omit<ImageDiff, "identical">,
): boolean {
  return (
    (kinds.has("manifest") && manifest.length > 0) ||
    (kinds.has("config") && config.length > 0) ||
    (kinds.has("layers") && layers.removed.length + layers.added.length + layers.repacked.length > 0)
  );
}

function printValue(style: Style, kind: string, { pointer, before, after }: ValueChange): void {
  const where = `${kind} ${printable(pointer)}`;
  const value = (it: unknown) => printable(JSON.stringify(it));
  if (before === undefined) print(style.green(`+ ${where}: ${value(after)}`));
  else if (after === undefined) print(style.red(`- ${where}: ${value(before)}`));
  else print(style.yellow(`~ ${where}: ${value(before)} -> ${value(after)}`));
}

function printLayers(style: Style, { removed, added, repacked }: ImageDiff["layers"]): void {
  const told = ({ digest, size }: LayerFacts) => `${digest} (${formatSize(size)})`;
  for (const { before, after } of repacked) print(style.yellow(`~ layer ${told(before)} -> ${told(after)}`));
  for (const layer of removed) print(style.red(`- layer ${told(layer)}`));
  for (const layer of added) print(style.green(`+ layer ${told(layer)}`));
}

function printFile(style: Style, { path, change, what, before, after }: FileChange): void {
  const name = printable(path);
  if (change === "added") print(style.green(`+ ${name} ${told(after!)}`));
  else if (change === "removed") print(style.red(`- ${name} ${told(before!)}`));
  else print(style.yellow(`~ ${name} ${what.map((fact) => toldChange(fact, before!, after!)).join(", ")}`));
}

function told({ type, size, link }: FileFacts): string {
  const more = size === undefined ? (link === undefined ? "" : ` -> ${printable(link)}`) : `, ${size} bytes`;
  return `(${type}${more})`;
}

function toldChange(fact: keyof FileFacts, before: FileFacts, after: FileFacts): string {
  if (fact === "content" || fact === "xattrs") return fact;
  return `${fact} ${printable(String(before[fact] ?? "none"))} -> ${printable(String(after[fact] ?? "none"))}`;
}
