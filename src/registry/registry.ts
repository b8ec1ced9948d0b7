import type { RequestListener } from "node:http";
import { eventOfExpired } from "./collection/expired-event.ts";
import { type CollectionReport, Housekeeper } from "./collection/housekeeper.ts";
import { PullLog } from "./collection/pull-log.ts";
import type { ScrubReport } from "./collection/scrubber.ts";
import { Sweeper } from "./collection/sweeper.ts";
import { Outbox } from "./events/outbox.ts";
import type { RegistryEvent } from "./events/registry-event.ts";
import { createHandler } from "./http/handler.ts";
import { completeLimits, type RegistryOptions } from "./options.ts";
import { PullThrough } from "./proxy/pull-through.ts";

/** A registry: what answers its requests, and the work that it does beside them. */
export interface Registry extends AsyncDisposable {
  /** For `http.createServer`, `https.createServer`, or a framework of the caller's. */
  readonly handler: RequestListener;
  /**
   * Collects now what else is collected every few minutes, hours and days: expired uploads, what retention rules no
   * longer keep, blobs that nothing references, bytes that nothing knows of.
   *
   * @param options.dryRun true to be told what retention would remove, and change nothing
   */
  collect(options?: { readonly dryRun?: boolean; readonly signal?: AbortSignal }): Promise<CollectionReport>;
  /** Verifies all blobs now; damaged ones are out of use until they are pushed again. */
  scrub(options?: { readonly signal?: AbortSignal }): Promise<ScrubReport>;
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
  const onFailure = (error: unknown): void => options.onFailure?.(error, { method: "collect", path: "" });
  const sweeper = new Sweeper(metadata, blobs, onFailure);
  const pulls = new PullLog(metadata, onFailure);
  const { webhooks } = options;
  const outbox =
    webhooks === undefined || webhooks.receivers.length === 0
      ? undefined
      : new Outbox(metadata.events, webhooks, (error) =>
          options.onFailure?.(error, { method: "events", path: "" }),
        );
  const tell = (event: RegistryEvent): void => {
    options.onEvent?.(event);
    outbox?.wake();
  };
  const housekeeper = new Housekeeper({
    metadata,
    blobs,
    limits,
    sweeper,
    retention: options.retention ?? [],
    scrub: options.scrub,
    onExpired: (expired) => {
      options.onExpired?.(expired);
      tell(eventOfExpired(expired));
    },
    onDropped: (blob) => tell({ kind: "blob-deleted", ...blob }),
    announce: outbox && {
      expired: (expired) => outbox.outgoing(eventOfExpired(expired)),
      dropped: (blob) => outbox.outgoing({ kind: "blob-deleted", ...blob }),
    },
    onDamage: options.onDamage,
    onFailure,
  });
  const { upstreams = [] } = options;
  const proxy =
    upstreams.length === 0
      ? undefined
      : new PullThrough({
          metadata,
          blobs,
          limits,
          upstreams,
          onFailure: (error) => options.onFailure?.(error, { method: "proxy", path: "" }),
        });
  const handler = createHandler({
    metadata,
    blobs,
    access: options.access,
    limits,
    options,
    proxy,
    sweep: () => sweeper.start(),
    pulls,
    outbox,
  });
  sweeper.start(); // what a killed server left
  return {
    handler,
    async collect(request = {}) {
      await pulls.flush();
      return await housekeeper.collect(request);
    },
    scrub: ({ signal } = {}) => housekeeper.scrub(undefined, signal),
    async [Symbol.asyncDispose]() {
      await proxy?.[Symbol.asyncDispose]();
      await housekeeper[Symbol.asyncDispose]();
      await pulls[Symbol.asyncDispose]();
      await sweeper.idle();
      await outbox?.[Symbol.asyncDispose]();
    },
  };
}
