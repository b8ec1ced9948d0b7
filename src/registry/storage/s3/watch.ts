import type { ClientRequest } from "node:http";
import type { S3Options } from "./s3-options.ts";

/** Longest that a connection takes to be made, in milliseconds. */
const CONNECTING = 10_000;
/** Part of the usual patience that is left while the service says nothing at all. */
const IMPATIENT = 0.1;

/**
 * How long one request waits for a service that says nothing. Without a body: a time for all tries together, of which one
 * try gets half, because the reason may be a single connection that was lost. With a body, which may be long: only a silence
 * ends it, and then for good.
 */
export class Watch {
  readonly #idleTimeout: number;
  /** Time for all tries; undefined for a request with a body. */
  readonly #budget: number | undefined;
  readonly #began = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #silent = false;

  /** @param unheard the service did not answer the request before this one */
  constructor(request: { readonly body?: Uint8Array }, options: S3Options, unheard: boolean) {
    const { budget = 20_000, idleTimeout = 30_000 } = options;
    const share = unheard ? IMPATIENT : 1;
    this.#idleTimeout = idleTimeout * share;
    this.#budget = request.body === undefined || request.body.length === 0 ? budget * share : undefined;
  }

  /** The last try ended because nothing was heard. */
  get silent(): boolean {
    return this.#silent;
  }

  /** True when another try may follow after a pause. */
  allows(pause: number): boolean {
    return this.#budget === undefined ? !this.#silent : pause < this.#left(this.#budget);
  }

  /** Watches a try: a request that was not sent yet. */
  begin(sent: ClientRequest): void {
    this.#silent = false;
    // Of the connection: also while the reply's body is read, after this watch has ended.
    sent.setTimeout(this.#idleTimeout, () => this.#expire(sent, this.#idleTimeout));
    if (this.#budget !== undefined) {
      this.#expireAfter(Math.min(this.#budget / 2, this.#left(this.#budget)), sent);
      return;
    }
    // The time-out above begins when there is a connection; the system would try to make one for two minutes.
    sent.once("socket", (socket) => {
      if (!socket.connecting) return;
      this.#expireAfter(Math.min(CONNECTING, this.#idleTimeout), sent);
      socket.once("connect", () => this.end());
    });
  }

  /** The try has ended. */
  end(): void {
    clearTimeout(this.#timer);
  }

  #left(budget: number): number {
    return this.#began + budget - performance.now();
  }

  #expireAfter(time: number, sent: ClientRequest): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#expire(sent, time), time);
  }

  #expire(sent: ClientRequest, time: number): void {
    this.#silent = true;
    sent.destroy(new Error(`nothing was heard for ${Math.round(time)} ms`));
  }
}
