import type { ByteString } from "./byte-string.ts";
import type { TarEntryType } from "./tar-entry.ts";

/** Bytes of names that one image may have before they are compared no more: names are the attacker's. */
export const MAX_NAME_BYTES = 512 * 1024 * 1024;

/** The names of a layer's entries, made relative to the root, and what each is. */
export class LayerNames {
  readonly #types = new Map<ByteString, TarEntryType>();
  readonly #withEntries = new Set<ByteString>();
  /** Roughly the memory they take. */
  bytes = 0;

  get(path: ByteString): TarEntryType | undefined {
    return this.#types.get(path);
  }

  add(path: ByteString, type: TarEntryType): void {
    if (!this.#types.has(path)) this.bytes += path.length + 64;
    this.#types.set(path, type);
    this.#withEntries.add(parentOf(path));
  }

  /** True when an entry stood directly in the directory `path`. */
  hasEntriesIn(path: ByteString): boolean {
    return this.#withEntries.has(path);
  }
}

/** The directory of a path without slashes at its ends; that of the root is the root. */
export function parentOf(path: ByteString): ByteString {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}
