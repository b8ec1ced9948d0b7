import type { TarEntry } from "./tar-entry.ts";
import type { TarLimits } from "./tar-limits.ts";
import { TarTokenizer } from "./tar-tokenizer.ts";

/** An entry of {@link readTar} with its content. */
export interface TarReadEntry extends TarEntry {
  /**
   * The content, holes of a sparse file included as zeros, in pieces that are views of the source's
   * chunks. Read it before asking for the next entry; what is not read then is skipped.
   */
  readonly body: AsyncIterable<Uint8Array>;
}

const ZEROS = new Uint8Array(65_536);

/**
 * Reads an uncompressed tar archive (USTAR, PAX, GNU, star, seventh edition), strictly: whatever
 * two readers could understand differently is an error that names the byte offset.
 *
 * Names come as written. They are bytes (see {@link ByteString}) and hostile: never join one to a
 * host path.
 *
 * @throws invalid-argument when the archive is malformed, resource-exhausted when it exceeds a limit
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  limits?: TarLimits,
): AsyncGenerator<TarReadEntry, void, undefined> {
  const tokens = new TarTokenizer(limits);
  const chunks = iterate(source);
  try {
    for (;;) {
      const token = tokens.next();
      if (token === "more") {
        if (!(await refill(tokens, chunks))) return;
      } else if (token === "entry") {
        const { entry } = tokens;
        const content = readBody(tokens, chunks);
        yield { ...entry, body: { [Symbol.asyncIterator]: () => content } };
      }
      // Other tokens are of content that the caller did not want.
    }
  } finally {
    await chunks.return?.(undefined);
  }
}

/** The content of the entry that `tokens` has just announced, up to and including its `end`. */
async function* readBody(
  tokens: TarTokenizer,
  chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { entry } = tokens;
  const { size } = entry;
  let written = 0;
  for (;;) {
    if (tokens.entry !== entry) return;
    const token = tokens.next();
    if (token === "more") {
      if (!(await refill(tokens, chunks))) return;
      continue;
    }
    const next = token === "data" ? tokens.position : size;
    while (written < next) {
      const hole = ZEROS.subarray(0, Math.min(ZEROS.length, next - written));
      yield hole;
      written += hole.length;
    }
    if (token === "end") return;
    yield tokens.data;
    written += tokens.data.length;
  }
}

async function refill(
  tokens: TarTokenizer,
  chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>,
): Promise<boolean> {
  const next = await chunks.next();
  if (next.done === true) {
    tokens.finish();
    return false;
  }
  tokens.push(next.value);
  return true;
}

function iterate(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncIterator<Uint8Array> | Iterator<Uint8Array> {
  return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
}
