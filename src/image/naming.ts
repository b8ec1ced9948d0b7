import type { Store } from "../content/index.ts";
import type { Descriptor } from "../spec/index.ts";
import { CortenError, canonicalReference, parseReference } from "../spec/index.ts";

/**
 * Makes `name` mean `descriptor`. What it meant before and nothing else names stays as
 * `<repository>@<digest>`, an image without a tag, as Docker's users expect of a tag that moved.
 *
 * @param name a canonical reference
 */
export function moveName(store: Store, name: string, descriptor: Descriptor): void {
  store.database.transaction(
    () => {
      const before = store.names.get(name)?.descriptor;
      store.names.set(name, descriptor);
      if (before === undefined || before.digest === descriptor.digest) return;
      if (store.names.of(before.digest).length > 0 || !store.has(before)) return;
      store.names.set(untaggedName(name, before), before);
    },
    { durable: true },
  );
}

/** The name that keeps content after the tag in `name` moved away from it. */
function untaggedName(name: string, { digest }: Descriptor): string {
  const { registry, repository } = parseReference(name);
  return canonicalReference({ registry, repository, digest });
}

/**
 * The name under which the store keeps what the user calls `text`. A reference with tag and digest
 * is kept under its digest: that is what it promises.
 *
 * @throws invalid-argument
 */
export function storedName(text: string): string {
  const { registry, repository, tag, digest } = parseReference(text);
  if (digest !== undefined) return canonicalReference({ registry, repository, digest });
  return canonicalReference({ registry, repository, ...(tag === undefined ? {} : { tag }) });
}

/** True for `<repository>@<digest>`. */
export function isDigestName(name: string): boolean {
  return name.includes("@");
}

/** The repository part of a stored name, its registry included. */
export function repositoryOf(name: string): string {
  const { registry, repository } = parseReference(name);
  return `${registry}/${repository}`;
}

/**
 * Checks that a digest in the user's reference is the digest of what the source gave.
 *
 * @throws data-loss when it is not
 */
export function checkPinned(text: string, root: Descriptor): void {
  const { digest } = parseReference(text);
  if (digest === undefined || digest === root.digest) return;
  throw new CortenError("data-loss", `${text} was asked for, but the source gave ${root.digest}`);
}
