import type { ImagePlace, ReferrerTree } from "../../../image/index.ts";
import { discoverReferrers, parseImagePlace, referrersAt } from "../../../image/index.ts";
import { canonicalReference, parseReference } from "../../../spec/index.ts";
import { print, printJson, write } from "../../terminal/stream.ts";
import { printable } from "../../terminal/style.ts";
import { formatTable } from "../../terminal/table.ts";
import { interruptible } from "../interruption.ts";
import type { artifactDiscoverOptions } from "../table/artifact.ts";
import type { CortenCall } from "../table/globals.ts";
import { accessOf, registryAccess } from "../transfer/access.ts";
import { lazyStore } from "../transfer/lazy-store.ts";
import { descriptorAt } from "./attach.ts";
import { artifactPlace } from "./place.ts";

/** `corten artifact discover PLACE` */
export async function run(call: CortenCall<typeof artifactDiscoverOptions>): Promise<number> {
  const { args, options } = call;
  const text = args[0]!;
  const place = text.startsWith("corten:") ? parseImagePlace(text) : artifactPlace(text);
  using lazy = lazyStore(call);
  const registry = registryAccess(accessOf(options), (note) => write(2, `${note}\n`));
  const artifactType = options["artifact-type"];
  const tree = await interruptible(async (signal) => {
    const store = lazy.open;
    const subject = await descriptorAt(place, options.platform, { registry, store }, signal);
    const type = artifactType === undefined ? {} : { artifactType };
    const find = (digest: ReferrerTree["descriptor"]["digest"]) =>
      referrersAt(place, digest, { registry, store, signal, ...type });
    return discoverReferrers(subject, find, options.depth === undefined ? {} : { depth: options.depth });
  });
  const name = nameOf(place);
  if (options.format === "json") printJson(details(tree, name));
  else if (options.format === "table") write(1, formatTable(columns, flat(tree)));
  else {
    print(`${name}@${tree.descriptor.digest}`);
    for (const line of branches(tree.referrers)) print(line);
  }
  return 0;
}

const columns = [
  {
    heading: "ARTIFACT TYPE",
    cell: ({ descriptor }: ReferrerTree) => printable(descriptor.artifactType ?? ""),
  },
  { heading: "DIGEST", cell: ({ descriptor }: ReferrerTree) => descriptor.digest },
  { heading: "SIZE", cell: ({ descriptor }: ReferrerTree) => String(descriptor.size) },
];

/** Repository or layout, without the name of one image. */
function nameOf(place: ImagePlace): string {
  if (place.kind === "store") return repositoryIn(place.name);
  if (place.kind !== "registry") return "path" in place ? place.path : place.name;
  return canonicalReference({ registry: place.reference.registry, repository: place.reference.repository });
}

/** The repository of a stored name; an ID has none. */
function repositoryIn(name: string): string {
  const { registry, repository } = parseReference(name);
  return canonicalReference({ registry, repository });
}

function flat({ referrers }: ReferrerTree): readonly ReferrerTree[] {
  return referrers.flatMap((referrer) => [referrer, ...flat(referrer)]);
}

/** oras's tree: types, below each the digests, below these their annotations and what is about them. */
function branches(referrers: readonly ReferrerTree[]): string[] {
  const types = Map.groupBy(referrers, ({ descriptor }) => descriptor.artifactType ?? "(no type)");
  return drawn(
    [...types].map(([type, group]) => ({
      text: printable(type),
      below: drawn(group.map((node) => ({ text: node.descriptor.digest, below: belowOf(node) }))),
    })),
  );
}

function belowOf({ descriptor, referrers }: ReferrerTree): string[] {
  const annotations = Object.entries(descriptor.annotations ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = annotations.map(([key, value]) => ({ text: printable(`${key}: ${value}`), below: [] }));
  const listed =
    lines.length === 0 ? [] : drawn([{ text: "[annotations]", below: drawn(lines) }], referrers.length > 0);
  return [...listed, ...branches(referrers)];
}

/** Lines with what is below each, joined by branches. `more`: further lines follow. */
function drawn(
  items: readonly { readonly text: string; readonly below: readonly string[] }[],
  more = false,
): string[] {
  return items.flatMap(({ text, below }, at) => {
    const last = at === items.length - 1 && !more;
    return [`${last ? "└──" : "├──"} ${text}`, ...below.map((line) => `${last ? "    " : "│   "}${line}`)];
  });
}

function details({ descriptor, referrers }: ReferrerTree, name: string): object {
  const { mediaType, digest, size, artifactType, annotations, tag } = descriptor;
  return {
    reference: `${name}@${digest}`,
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(tag === undefined ? {} : { tag }),
    referrers: referrers.map((referrer) => details(referrer, name)),
  };
}
