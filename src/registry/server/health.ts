import type { IncomingMessage, ServerResponse } from "node:http";
import type { Endpoint } from "../http/endpoint.ts";
import type { RegistryStorage } from "../storage/registry-storage.ts";

/** How long an answer of the blobs' storage holds, in milliseconds: buckets charge by the request. */
const FRESH = 1000;
/** Longest that who asks waits for the blobs' storage, in milliseconds. */
const PATIENCE = 3000;

/**
 * `/healthz`: the process answers. `/readyz`: it can serve; 503 while its storage cannot be used, and when it
 * is about to stop, so that a load balancer sends others elsewhere.
 */
export class Health implements Endpoint {
  readonly #storage: Pick<RegistryStorage, "metadata" | "blobs">;
  #stopping = false;
  /** The last look at the blobs' storage, and until when it holds: while it goes on, nobody begins another. */
  #look: { readonly works: Promise<boolean>; readonly holds: number } | undefined;

  constructor(storage: Pick<RegistryStorage, "metadata" | "blobs">) {
    this.#storage = storage;
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

  /** What is wrong; why, is nobody else's business. */
  async #trouble(): Promise<string | undefined> {
    if (this.#stopping) return "stopping";
    try {
      await this.#storage.metadata.check();
    } catch {
      return "the metadata cannot be read";
    }
    return (await this.#blobsWork()) ? undefined : "the storage of blobs cannot be used";
  }

  #blobsWork(): Promise<boolean> {
    if (this.#look === undefined || performance.now() > this.#look.holds) {
      const works = this.#storage.blobs.check().then(
        () => true,
        () => false,
      );
      const look = { works, holds: Number.POSITIVE_INFINITY };
      this.#look = look;
      void works.then(() => {
        look.holds = performance.now() + FRESH;
      });
    }
    return Promise.race([this.#look.works, falseAfter(PATIENCE)]);
  }
}

/** Does not keep the process alive. */
function falseAfter(time: number): Promise<false> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(false), time).unref();
  });
}
