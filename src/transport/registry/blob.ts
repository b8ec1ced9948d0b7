import type { Descriptor } from "../../spec/index.ts";
import { CortenError, isCortenError, parseDigest } from "../../spec/index.ts";
import type { ApiRequest, RegistryClient } from "./client.ts";
import { RegistryError } from "./failure.ts";
import type { HttpReply } from "./http.ts";
import { pauseAfter } from "./retry.ts";

/**
 * The bytes of a blob from `offset` to its end, over as many connections as it takes: where one is
 * cut, the next asks for the rest with Range. The first request is made before this returns, so that
 * a missing blob is an error here.
 *
 * @throws not-found; data-loss when the registry's blob has another length than the descriptor;
 *   unavailable when it cannot be read to the end
 */
export async function readBlob(
  client: RegistryClient,
  descriptor: Descriptor,
  offset: number,
  signal: AbortSignal | undefined,
): Promise<AsyncIterable<Uint8Array>> {
  const { size } = descriptor;
  parseDigest(descriptor.digest);
  if (!Number.isSafeInteger(offset) || offset < 0 || offset > size) {
    throw new CortenError(
      "invalid-argument",
      `offset ${offset} is outside of ${descriptor.digest} with ${size} bytes`,
    );
  }
  if (offset === size) return nothing();
  const transfer = new Transfer(client, descriptor, signal);
  const first = await transfer.open(offset);
  return transfer.read(first, offset);
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}

class Transfer {
  readonly #client: RegistryClient;
  readonly #descriptor: Descriptor;
  readonly #signal: AbortSignal | undefined;
  readonly #what: string;

  constructor(client: RegistryClient, descriptor: Descriptor, signal: AbortSignal | undefined) {
    this.#client = client;
    this.#descriptor = descriptor;
    this.#signal = signal;
    this.#what = `pull blob ${descriptor.digest} of ${client.name}`;
  }

  /** The answer that holds the bytes from `offset` on, whichever place it comes from. */
  async open(offset: number): Promise<HttpReply> {
    const { digest, urls = [] } = this.#descriptor;
    const request = this.#request(offset);
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

  #request(offset: number): Omit<ApiRequest, "path" | "actions"> {
    return {
      method: "GET",
      // Compression on the way would change what Range and Content-Length count.
      headers: { "accept-encoding": "identity", ...(offset > 0 ? { range: `bytes=${offset}-` } : {}) },
      expect: offset > 0 ? [200, 206] : [200],
      what: this.#what,
      signal: this.#signal,
    };
  }

  async *read(first: HttpReply, offset: number): AsyncGenerator<Uint8Array, void, undefined> {
    const { size } = this.#descriptor;
    let reply = first;
    let at = offset;
    let failures = 0;
    for (;;) {
      const before = at;
      try {
        for await (const chunk of this.#bodyFrom(reply, at)) {
          at += chunk.length;
          if (at > size) throw this.#lengthError(`more than the ${size} bytes`);
          yield chunk;
        }
        if (at === size) return;
        // A clean end before the announced one: some proxies end a cut transfer like that.
        throw new RegistryError(
          "unavailable",
          `${this.#what}: the transfer ended after ${at} of ${size} bytes`,
          {},
        );
      } catch (error) {
        failures = at > before ? 1 : failures + 1;
        if (failures >= this.#client.retry.attempts) throw error;
        await pauseAfter(error, failures, this.#client.retry, this.#signal);
      }
      reply = await this.open(at);
    }
  }

  /** The reply's body without what comes before `at`. */
  async *#bodyFrom(reply: HttpReply, at: number): AsyncGenerator<Uint8Array, void, undefined> {
    let skip = this.#bytesBefore(reply, at);
    for await (const chunk of reply.body) {
      if (skip >= chunk.length) skip -= chunk.length;
      else {
        yield skip === 0 ? chunk : chunk.subarray(skip);
        skip = 0;
      }
    }
  }

  /**
   * How many bytes of the body precede `at`: none in a 206, all of them in a 200.
   *
   * @throws data-loss when the headers contradict the request or the descriptor
   */
  #bytesBefore(reply: HttpReply, at: number): number {
    const { size } = this.#descriptor;
    const length = reply.headers["content-length"];
    if (reply.status === 206) {
      const range = /^bytes ([0-9]{1,16})-([0-9]{1,16})\/([0-9]{1,16}|\*)$/.exec(
        reply.headers["content-range"] ?? "",
      );
      const fits =
        range !== null && Number(range[1]) === at && (range[3] === "*" || Number(range[3]) === size);
      if (fits && Number(range[2]) < size) return 0;
      reply.drop();
      const shown = JSON.stringify(reply.headers["content-range"] ?? "").slice(0, 100);
      throw this.#lengthError(`the range ${shown} instead of ${at}-${size - 1}/${size}`);
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
