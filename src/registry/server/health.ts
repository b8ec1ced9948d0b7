import type { IncomingMessage, ServerResponse } from "node:http";
import type { Endpoint } from "../http/endpoint.ts";
import type { Metadata } from "../metadata/metadata.ts";

/**
 * `/healthz`: the process answers. `/readyz`: it can serve; 503 while its storage cannot be read, and when it
 * is about to stop, so that a load balancer sends others elsewhere.
 */
export class Health implements Endpoint {
  readonly #metadata: Metadata;
  #stopping = false;

  constructor(metadata: Metadata) {
    this.#metadata = metadata;
  }

  /** From here on the server is not ready. */
  stop(): void {
    this.#stopping = true;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const path = request.url?.split("?", 1)[0];
    if (path !== "/healthz" && path !== "/readyz") return false;
    const trouble = path === "/readyz" ? await this.#trouble() : undefined;
    response.writeHead(trouble === undefined ? 200 : 503, { "Content-Type": "text/plain; charset=utf-8" });
    response.end(`${trouble ?? "ok"}\n`);
    return true;
  }

  async #trouble(): Promise<string | undefined> {
    if (this.#stopping) return "stopping";
    try {
      await this.#metadata.check();
      return undefined;
    } catch {
      return "the metadata cannot be read"; // why, is nobody else's business
    }
  }
}
