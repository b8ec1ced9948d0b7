import type { Descriptor } from "../../spec/index.ts";
import { CortenError, isCortenError } from "../../spec/index.ts";
import type { ApiRequest, RegistryClient } from "./client.ts";
import { parseContentRange } from "./content-range.ts";
import { RegistryError } from "./failure.ts";
import type { HttpReply } from "./http.ts";
import { pauseAfter } from "./retry.ts";

/** Reads of one blob, whole or in part, each over as many connections in turn as it takes. */
export class Transfer {
  /** Bytes of the blob. */
  readonly size: number;
  readonly #client: RegistryClient;
  readonly #descriptor: Descriptor;
  readonly #signal: AbortSignal | undefined;
  readonly #what: string;

  constructor(client: RegistryClient, descriptor: Descriptor, signal: AbortSignal | undefined) {
    this.size = descriptor.size;
    this.#client = client;
    this.#descriptor = descriptor;
    this.#signal = signal;
    this.#what = `pull blob ${descriptor.digest} of ${client.name}`;
  }

  /** The answer that holds the bytes from `offset` to `end`, and maybe more, whichever place it comes from. */
  async open(offset: number, end = this.size, signal = this.#signal): Promise<HttpReply> {
    const { digest, urls = [] } = this.#descriptor;
    const request = this.#request(offset, end, signal);
    try {
      const path = `/v2/${this.#client.reference.repository}/blobs/${digest}`;
      return await this.#client.request({ ...request, path, actions: "pull" });
    } catch (error) {
      if (!isCortenError(error, "not-found")) throw error;
      for (const url of urls) {
        // Layers that may not be redistributed stand at the vendor (image-spec, descriptor.md, "urls").
        if (!URL.canParse(url)) continue;
        return this.#client.requestForeign(new URL(url), {
          ...request,
          what: `${this.#what} from its vendor`,
        });
      }
      throw error;
    }
  }

  /** Aborts with the caller's signal and with `other`. */
  signalWith(other: AbortSignal): AbortSignal {
    return this.#signal === undefined ? other : AbortSignal.any([this.#signal, other]);
  }

  #request(
    offset: number,
    end: number,
    signal: AbortSignal | undefined,
  ): Omit<ApiRequest, "path" | "actions"> {
    const part = offset > 0 || end < this.size;
    const range = `bytes=${offset}-${end < this.size ? end - 1 : ""}`;
    return {
      method: "GET",
      // Compression on the way would change what Range and Content-Length count.
      headers: { "accept-encoding": "identity", ...(part ? { range } : {}) },
      expect: part ? [200, 206] : [200],
      content: this.#descriptor.digest,
      what: this.#what,
      signal,
    };
  }

  /** The bytes from `offset` to `end`, of which `first` holds the beginning. */
  async *read(
    first: HttpReply,
    offset: number,
    end = this.size,
    signal = this.#signal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    let reply = first;
    let at = offset;
    let failures = 0;
    for (;;) {
      const before = at;
      try {
        for await (const chunk of this.#bodyFrom(reply, at, end)) {
          at += chunk.length;
          if (at > end)
            throw this.#lengthError(`more than the ${end === this.size ? end : end - offset} bytes`);
          yield chunk;
        }
        if (at === end) return;
        // A clean end before the announced one: some proxies end a cut transfer like that.
        throw new RegistryError(
          "unavailable",
          `${this.#what}: the transfer ended after ${at} of ${this.size} bytes`,
          {},
        );
      } catch (error) {
        failures = at > before ? 1 : failures + 1;
        if (this.#isFinal(error, failures)) {
          signal?.throwIfAborted();
          if (!(error instanceof CortenError) || !this.#client.mistrustGiverOf(reply, error)) throw error;
          failures = 0;
        } else await pauseAfter(error, failures, this.#client.retry, signal);
      }
      reply = await this.open(at, end, signal);
    }
  }

  /** True where the host that failed gets no further try. */
  #isFinal(error: unknown, failures: number): boolean {
    return failures >= this.#client.retry.attempts || !isCortenError(error) || !error.retryable;
  }

  /** The reply's body without what comes before `at`. */
  async *#bodyFrom(reply: HttpReply, at: number, end: number): AsyncGenerator<Uint8Array, void, undefined> {
    let skip = this.#bytesBefore(reply, at, end);
    // A server that has no ranges after all sends what is behind the end, too.
    let left = reply.status === 200 && end < this.size ? end - at : Number.POSITIVE_INFINITY;
    for await (const chunk of reply.body) {
      if (skip >= chunk.length) {
        skip -= chunk.length;
        continue;
      }
      const wanted = chunk.subarray(skip, skip + left);
      skip = 0;
      left -= wanted.length;
      yield wanted;
      if (left === 0) return;
    }
  }

  /**
   * How many bytes of the body precede `at`: none in a 206, all of them in a 200.
   *
   * @throws data-loss when the headers contradict the request or the descriptor
   */
  #bytesBefore(reply: HttpReply, at: number, end: number): number {
    const { size } = this;
    const length = reply.headers["content-length"];
    if (reply.status === 206) {
      const header = reply.headers["content-range"] ?? "";
      const range = parseContentRange(header);
      const fits = range?.first === at && (range.size === undefined || range.size === size);
      if (fits && range.last < end) return 0;
      reply.drop();
      const shown = JSON.stringify(header).slice(0, 100);
      throw this.#lengthError(`the range ${shown} instead of ${at}-${end - 1}/${size}`);
    }
    if (length !== undefined && Number(length) !== size) {
      reply.drop();
      throw this.#lengthError(`${length} bytes instead of ${size}`);
    }
    return at;
  }

  #lengthError(found: string): CortenError {
    return new CortenError("data-loss", `${this.#what}: the registry sends ${found}`);
  }
}
