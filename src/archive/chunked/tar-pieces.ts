import type { TarEntry } from "../tar-entry.ts";
import { BLOCK } from "../tar-header.ts";
import type { TarLimits } from "../tar-limits.ts";
import { TarTokenizer } from "../tar-tokenizer.ts";

/** A piece of a tar archive; the bytes of all of them are the archive's. */
export type TarPiece =
  /** An entry, and its header with the extension headers in front of it. */
  | { readonly kind: "entry"; readonly entry: TarEntry; readonly bytes: Uint8Array }
  /** Stored content of the entry. */
  | { readonly kind: "content"; readonly bytes: Uint8Array }
  /** Zeros behind the content, up to a whole block. */
  | { readonly kind: "padding"; readonly bytes: Uint8Array }
  /** What follows the last entry: the end marker and all behind it. */
  | { readonly kind: "end"; readonly bytes: Uint8Array };

/**
 * Cuts an archive where content begins and ends, without changing a byte. The bytes are views that are
 * gone with the next piece.
 *
 * @throws what the reader throws on a malformed archive
 */
export async function* tarPieces(
  source: AsyncIterable<Uint8Array>,
  limits?: TarLimits,
): AsyncGenerator<TarPiece, void, undefined> {
  const tokens = new TarTokenizer(limits);
  /** Headers without their entry so far, or the end. */
  let held: Uint8Array[] = [];
  /** Bytes of padding that are still the last entry's. */
  let padding = 0;
  let base = 0;
  for await (const chunk of source) {
    let from = base;
    const view = (to: number) => chunk.subarray(from - base, to - base);
    /** The rest of the last entry's padding, as far as the chunk has it. */
    const takePadding = (end: number): TarPiece | undefined => {
      const own = Math.min(padding, end - from);
      if (own === 0) return undefined;
      const bytes = view(from + own);
      padding -= own;
      from += own;
      return { kind: "padding", bytes };
    };
    tokens.push(chunk);
    for (let token = tokens.next(); token !== "more"; token = tokens.next()) {
      if (token === "entry") {
        const own = takePadding(tokens.offset);
        if (own !== undefined) yield own;
        const bytes = Buffer.concat([...held, view(tokens.offset)]);
        held = [];
        from = tokens.offset;
        yield { kind: "entry", entry: tokens.entry, bytes };
      } else if (token === "data") {
        yield { kind: "content", bytes: tokens.data };
        from = tokens.offset;
      } else padding = (BLOCK - (tokens.entry.storedSize % BLOCK)) % BLOCK;
    }
    const own = takePadding(base + chunk.length);
    if (own !== undefined) yield own;
    const rest = view(base + chunk.length);
    if (rest.length > 0) {
      if (tokens.endOffset === undefined) held.push(Buffer.from(rest));
      else {
        for (const bytes of held) yield { kind: "end", bytes };
        held = [];
        yield { kind: "end", bytes: rest };
      }
    }
    base += chunk.length;
  }
  tokens.finish();
  for (const bytes of held) yield { kind: "end", bytes };
}
