import type { CortenError, Digest } from "../../spec/index.ts";
import type { Endpoint } from "./endpoint.ts";
import type { HttpReply } from "./http.ts";
import type { MistrustedHost } from "./options.ts";

/**
 * Which mirrors gave what, and which of them have sent something wrong. A mirror is anybody's copy: what it sends counts by
 * its digest only, and one that failed is asked no more. The last host that may be asked, the registry as a rule, stays.
 */
export class Trust {
  readonly #tell: (mistrusted: MistrustedHost) => void;
  readonly #ended = new Set<Endpoint>();
  readonly #giversOf = new Map<Digest, Set<Endpoint>>();
  readonly #giverOf = new WeakMap<HttpReply, Endpoint>();

  constructor(tell: (mistrusted: MistrustedHost) => void = () => {}) {
    this.#tell = tell;
  }

  hasEnded(endpoint: Endpoint): boolean {
    return this.#ended.has(endpoint);
  }

  /** Notes that a mirror, behind which there is another host, has answered; `content` is the blob that it answers with. */
  gave(mirror: Endpoint, reply: HttpReply, content: Digest | undefined): void {
    if (content === undefined) return;
    this.#giverOf.set(reply, mirror);
    const givers = this.#giversOf.get(content);
    if (givers === undefined) this.#giversOf.set(content, new Set([mirror]));
    else givers.add(mirror);
  }

  end(mirror: Endpoint, why: CortenError): void {
    if (this.#ended.has(mirror)) return;
    this.#ended.add(mirror);
    this.#tell({ host: mirror.settings.host, error: why });
  }

  /** Ends the trust in the mirrors that gave a blob, or parts of it; false where none did. */
  endOfGivers(content: Digest, why: CortenError): boolean {
    const givers = this.#giversOf.get(content);
    if (givers === undefined) return false;
    // Each attempt is judged by those who gave its bytes.
    this.#giversOf.delete(content);
    for (const mirror of givers) this.end(mirror, why);
    return true;
  }

  /** Ends the trust in the mirror that gave an answer; false where it was none. */
  endOfGiverOf(reply: HttpReply, why: CortenError): boolean {
    const mirror = this.#giverOf.get(reply);
    if (mirror === undefined) return false;
    this.end(mirror, why);
    return true;
  }
}
