import type { RequestListener } from "node:http";
import { Maintenance } from "./collection/maintenance.ts";
import { Sweeper } from "./collection/sweeper.ts";
import { createHandler } from "./http/handler.ts";
import { completeLimits, type RegistryOptions } from "./options.ts";

/** A registry: what answers its requests, and the work that it does beside them. */
export interface Registry extends AsyncDisposable {
  /** For `http.createServer`, `https.createServer`, or a framework of the caller's. */
  readonly handler: RequestListener;
}

/**
 * A registry over `options.storage`, which stays the caller's:
 *
 *     await using storage = memoryStorage();
 *     await using registry = createRegistry({ storage });
 *     const server = http.createServer(registry.handler).listen(5000);
 */
export function createRegistry(options: RegistryOptions): Registry {
  const { metadata, blobs } = options.storage;
  const limits = completeLimits(options.limits);
  const onFailure = (error: unknown) => options.onFailure?.(error, { method: "collect", path: "" });
  const sweeper = new Sweeper(metadata, blobs, onFailure);
  const maintenance = new Maintenance(metadata, limits, () => sweeper.start(), onFailure);
  const handler = createHandler({
    metadata,
    blobs,
    access: options.access,
    limits,
    options,
    sweep: () => sweeper.start(),
  });
  sweeper.start(); // what a killed server left
  return {
    handler,
    async [Symbol.asyncDispose]() {
      maintenance[Symbol.dispose]();
      await sweeper.idle();
    },
  };
}
