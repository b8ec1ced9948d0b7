import { type Image, listImages } from "../../../image/index.ts";
import { CortenError, familiarName, parseReference } from "../../../spec/index.ts";
import { print } from "../../terminal/stream.ts";
import type { Column } from "../../terminal/table.ts";
import { formatAge, formatSize } from "../../terminal/units.ts";
import { printListing } from "../listing.ts";
import type { CortenCall } from "../table/globals.ts";
import type { imagesOptions } from "../table/images.ts";
import { openImageStore } from "./store.ts";

/** One line of the list: an image under one of its names. */
interface ImageRow {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
  readonly id: string;
  readonly created: Date | undefined;
  readonly size: number;
}

/** `corten images` */
export async function run({ args, options, globals }: CortenCall<typeof imagesOptions>): Promise<number> {
  using store = openImageStore({ globals });
  const rows = (await Promise.all(listImages(store).map(rowsOf)))
    .flat()
    .filter((row) => args[0] === undefined || matches(row, args[0]))
    .sort((a, b) => (b.created?.getTime() ?? 0) - (a.created?.getTime() ?? 0));
  const full = options["no-trunc"];
  if (options.quiet) {
    for (const id of new Set(rows.map((row) => shown(row.id, full)))) print(id);
    return 0;
  }
  const columns: Column<ImageRow>[] = [
    { heading: "REPOSITORY", cell: ({ repository }) => repository },
    { heading: "TAG", cell: ({ tag }) => tag },
    ...(options.digests ? [{ heading: "DIGEST", cell: ({ digest }: ImageRow) => digest }] : []),
    { heading: "IMAGE ID", cell: ({ id }) => shown(id, full) },
    { heading: "CREATED", cell: ({ created }) => formatAge(created) },
    { heading: "SIZE", cell: ({ size }) => formatSize(size) },
  ];
  printListing({
    things: rows,
    columns,
    format: options.format ?? globals.format,
    row: ({ repository, tag, digest, id, created, size }) => ({
      ID: id,
      Repository: repository,
      Tag: tag,
      Digest: digest,
      CreatedAt: created?.toISOString() ?? null,
      CreatedSince: formatAge(created),
      Size: size,
    }),
  });
  return 0;
}

function shown(id: string, full: boolean): string {
  return full ? id : id.slice("sha256:".length).slice(0, 12);
}

function matches({ repository, tag }: ImageRow, pattern: string): boolean {
  const { tag: wanted } = parseReference(pattern);
  const named = pattern.slice(pattern.lastIndexOf("/") + 1).includes(":");
  return repository === familiarName(parseReference(pattern)) && (!named || wanted === tag);
}

/** An image that is damaged, or no image but an artifact, is listed with what is known of it. */
async function rowsOf(image: Image): Promise<ImageRow[]> {
  const { digest } = image.root;
  const known = await detailsOf(image);
  return image.names.map((name) => {
    const reference = parseReference(name);
    return { repository: familiarName(reference), tag: reference.tag ?? "<none>", digest, ...known };
  });
}

async function detailsOf(image: Image): Promise<Pick<ImageRow, "id" | "created" | "size">> {
  try {
    return { id: await image.id(), created: await image.created(), size: await image.size() };
  } catch (error) {
    if (!(error instanceof CortenError)) throw error;
    return { id: image.root.digest, created: undefined, size: 0 };
  }
}
