import type { HttpReply } from "./http.ts";
import type { RangeOptions } from "./options.ts";
import type { Transfer } from "./transfer.ts";

/** How a client reads ranges, and how many connections more it may open for them now. */
export class RangePolicy {
  readonly size: number;
  readonly enough: number;
  #free: number;

  constructor({ connections = 6, size = 4 * 1024 * 1024, enough = 100 * 1024 * 1024 }: RangeOptions = {}) {
    this.size = size;
    this.enough = enough;
    this.#free = connections;
  }

  take(): boolean {
    if (this.#free <= 0) return false;
    this.#free--;
    return true;
  }

  giveBack(): void {
    this.#free++;
  }
}

/**
 * A blob's bytes from `offset` on, in order. `first` is read alone until it is known to be slow: then ranges behind it are
 * fetched at the same time and kept in memory until it is their turn, as many as the policy allows. A server that
 * answers with the whole blob has no ranges; it is read over one connection to the end.
 */
export async function* readRanges(
  transfer: Transfer,
  first: HttpReply,
  offset: number,
  policy: RangePolicy,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { size } = transfer;
  const ranges = new Ranges(transfer, policy);
  let at = offset;
  let waited = 0;
  /** Where the other connections begin; the first one ends there. */
  let border = size;
  const alone = transfer.read(first, offset);
  try {
    while (at < border) {
      const before = performance.now();
      const { value, done } = await alone.next();
      if (done === true) break;
      waited += performance.now() - before;
      const chunk = value.subarray(0, border - at);
      at += chunk.length;
      yield chunk;
      const slow = waited > ((at - offset) / policy.enough) * 1000;
      if (border === size && at - offset >= policy.size && size - at > 2 * policy.size && slow) {
        if (ranges.begin(at + policy.size)) border = at + policy.size;
      }
    }
  } finally {
    await alone.return();
    if (at < border) ranges.stop();
  }
  for await (const chunk of ranges.read(at)) yield chunk;
}

/** Ranges that follow each other, fetched at the same time. */
class Ranges {
  readonly #transfer: Transfer;
  readonly #policy: RangePolicy;
  readonly #pending: Range[] = [];
  #next = Number.POSITIVE_INFINITY;

  constructor(transfer: Transfer, policy: RangePolicy) {
    this.#transfer = transfer;
    this.#policy = policy;
  }

  /** Starts to fetch from `at` on; false when no connection is to be had. */
  begin(at: number): boolean {
    this.#next = at;
    this.#fill();
    if (this.#pending.length > 0) return true;
    // A connection that is free later must not fetch what the first one has read by then.
    this.#next = Number.POSITIVE_INFINITY;
    return false;
  }

  /** Everything from `at`, where the ranges begin, to the end. */
  async *read(from: number): AsyncGenerator<Uint8Array, void, undefined> {
    let at = from;
    try {
      for (;;) {
        this.#fill();
        const range = this.#pending[0];
        if (range === undefined) break;
        for await (const chunk of range) {
          at += chunk.length;
          yield chunk;
        }
        if (range.refused) break;
        this.#pending.shift();
        this.#policy.giveBack();
      }
    } finally {
      this.stop();
    }
    if (at < this.#transfer.size) yield* this.#transfer.read(await this.#transfer.open(at), at);
  }

  stop(): void {
    for (const range of this.#pending.splice(0)) {
      range.stop();
      this.#policy.giveBack();
    }
  }

  #fill(): void {
    const { size } = this.#transfer;
    while (this.#next < size && this.#policy.take()) {
      const end = Math.min(this.#next + this.#policy.size, size);
      this.#pending.push(new Range(this.#transfer, this.#next, end));
      this.#next = end;
    }
  }
}

/** One range on its way into memory. */
class Range implements AsyncIterable<Uint8Array> {
  readonly #chunks: Uint8Array[] = [];
  readonly #stop = new AbortController();
  #ending: { readonly error?: unknown } | undefined;
  #wake = (): void => {};
  /** True when the server answered with more than the range. */
  refused = false;

  constructor(transfer: Transfer, start: number, end: number) {
    this.#fetch(transfer, start, end).then(
      () => this.#end({}),
      (error: unknown) => this.#end({ error }),
    );
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) yield chunk;
      else if (this.#ending === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if ("error" in this.#ending) throw this.#ending.error;
      else return;
    }
  }

  stop(): void {
    this.#stop.abort();
    this.#chunks.length = 0;
  }

  async #fetch(transfer: Transfer, start: number, end: number): Promise<void> {
    const signal = transfer.signalWith(this.#stop.signal);
    const reply = await transfer.open(start, end, signal);
    if (reply.status !== 206) {
      this.refused = true;
      reply.drop();
      return;
    }
    for await (const chunk of transfer.read(reply, start, end, signal)) {
      this.#chunks.push(chunk);
      this.#wake();
    }
  }

  #end(ending: { readonly error?: unknown }): void {
    this.#ending = ending;
    this.#wake();
  }
}
