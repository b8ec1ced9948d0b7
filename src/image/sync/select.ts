import type { Digest } from "../../spec/index.ts";
import { parseReference } from "../../spec/index.ts";
import type { RegistryOptions, RegistryPlace } from "../../transport/index.ts";
import { openRepository } from "../../transport/index.ts";
import type { RegistrySelection, RepositorySelection } from "./sync-file.ts";

/** An image that is to be copied, or a repository whose tags could not be found out. */
export type SyncItem =
  | { readonly place: RegistryPlace; readonly registry: RegistryOptions }
  | { readonly repository: string; readonly error: unknown };

/** The tag under which lists of referrers stand: no image for a platform. */
const REFERRERS_TAG = /^sha(?:256|512)-[0-9a-f]{64}$/;

/** Options of {@link selectImages}. */
export interface SelectOptions {
  /** How registries are reached where the selection does not say it. */
  readonly registry: RegistryOptions;
  /** Take tags that are lists of referrers as well. */
  readonly referrers: boolean;
  readonly signal?: AbortSignal;
}

/**
 * The images that a selection means, in its order; tags are asked of the registries one repository after the other.
 * A repository that cannot be listed is an item as well, and the rest follows.
 */
export async function* selectImages(
  selections: readonly RegistrySelection[],
  options: SelectOptions,
): AsyncGenerator<SyncItem, void, undefined> {
  for (const { repositories, access } of selections) {
    const registry = { ...options.registry, ...access };
    for (const repository of repositories) {
      options.signal?.throwIfAborted();
      yield* imagesOf(repository, registry, options);
    }
  }
}

async function* imagesOf(
  { name, selection }: RepositorySelection,
  registry: RegistryOptions,
  options: SelectOptions,
): AsyncGenerator<SyncItem, void, undefined> {
  const { registry: host, repository } = parseReference(name);
  const item = (what: { readonly tag: string } | { readonly digest: Digest }): SyncItem => ({
    place: { kind: "registry", reference: { registry: host, repository, ...what } },
    registry,
  });
  if (selection.kind === "named") {
    for (const text of selection.names)
      yield text.includes(":") ? item({ digest: text as Digest }) : item({ tag: text });
    return;
  }
  const tags: string[] = [];
  try {
    await using opened = await openRepository(parseReference(name), registry);
    for await (const tag of opened.tags(options.signal === undefined ? {} : { signal: options.signal })) {
      const fits =
        selection.kind === "all" ||
        (selection.kind === "matching" ? selection.pattern.test(tag) : selection.range.includes(tag));
      if (fits && (options.referrers || !REFERRERS_TAG.test(tag))) tags.push(tag);
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    yield { repository: name, error };
    return;
  }
  for (const tag of tags) yield item({ tag });
}
