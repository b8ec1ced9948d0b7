import type { RequestListener } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { openAccess } from "../access/configured-access.ts";
import type { ListenAddress } from "../config/listen-address.ts";
import { type RegistryConfig, warningsFor } from "../config/registry-config.ts";
import { Metrics } from "../metrics/metrics.ts";
import { completeLimits } from "../options.ts";
import { createRegistry } from "../registry.ts";
import { describeMirrorReport } from "../replication/mirror.ts";
import { MirrorSchedule } from "../replication/mirror-schedule.ts";
import { Replica } from "../replication/replica.ts";
import { webPage } from "../web/web-page.ts";
import { Health } from "./health.ts";
import { JsonLog } from "./json-log.ts";
import { type Listener, listen } from "./listeners.ts";
import { openStorage } from "./open-storage.ts";
import { webhooksOf } from "./webhooks-of.ts";

/** A registry that listens. Letting go of it lets running requests end first. */
export interface RegistryServer extends AsyncDisposable {
  readonly addresses: readonly ListenAddress[];
  /** Reads certificates again and opens the log again. */
  reload(): Promise<void>;
}

/** Options of {@link startRegistryServer}. */
export interface RegistryServerOptions {
  /** Told about failures that clients are not told, one line each. */
  readonly report: (message: string) => void;
}

/**
 * Starts a server as its configuration says.
 *
 * @throws failed-precondition when an address cannot be had
 */
export async function startRegistryServer(
  config: RegistryConfig,
  { report }: RegistryServerOptions,
): Promise<RegistryServer> {
  await using started = new AsyncDisposableStack();
  const log = config.accessLog === undefined ? undefined : started.use(new JsonLog(config.accessLog));
  const access = config.access === undefined ? undefined : await openAccess(config.access);
  const describe = (error: unknown): string =>
    error instanceof Error ? (error.stack ?? error.message) : String(error);
  const storage = started.use(await openStorage(config, (error) => report(describe(error))));
  const health = new Health(storage);
  const webhooks = webhooksOf(config);
  const replicas = config.replicas.map((settings) =>
    started.use(new Replica(settings, { ...storage, onFailure: (error) => report(describe(error)) })),
  );
  const metrics =
    config.metrics === undefined ? undefined : new Metrics(storage.metadata, webhooks.receivers.length > 0);
  const requests = new Set<object>();
  const registry = started.use(
    createRegistry({
      storage,
      limits: config.limits,
      upstreams: config.upstreams,
      webhooks: {
        ...webhooks,
        onOutcome: (outcome) => metrics?.delivery(outcome),
        onLost: (count) => metrics?.lost(count),
      },
      ...config.collection,
      onDamage: ({ kind, digest, key, repositories }) =>
        report(`the bytes of blob ${digest} are ${kind} (${key}): out of use in ${repositories.join(", ")}`),
      endpoints: [
        health,
        ...(config.webPage ? [webPage()] : []),
        ...(metrics !== undefined && config.metrics === "here" ? [metrics] : []),
      ],
      onFailure: (error, { method, path }) => {
        metrics?.failure();
        report(`${method} ${path}: ${describe(error)}`);
      },
      ...(metrics === undefined && replicas.length === 0
        ? {}
        : {
            onEvent: (event) => {
              metrics?.event(event);
              for (const replica of replicas) replica.add(event);
            },
          }),
      ...(access === undefined ? {} : { access }),
      ...(config.require === undefined ? {} : { require: config.require }),
      ...(config.deletes === undefined ? {} : { deletes: config.deletes }),
      ...(log === undefined && metrics === undefined
        ? {}
        : {
            onAccess: (record) => {
              metrics?.request(record);
              log?.write({ ...record, time: new Date(record.time).toISOString() });
            },
          }),
      ...(config.warnings.length === 0
        ? {}
        : { warnings: ({ repository }) => warningsFor(config.warnings, repository) }),
    }),
  );
  started.use(
    new MirrorSchedule(
      config.mirrors,
      { ...storage, limits: completeLimits(config.limits) },
      (done) => report(describeMirrorReport(done)),
      (error) => report(describe(error)),
    ),
  );
  const listeners: Listener[] = [];
  for (const address of config.listen) {
    const listener = await listen(
      address,
      (request, response) => {
        requests.add(response);
        response.once("close", () => requests.delete(response));
        registry.handler(request, response);
      },
      config.tls,
      ({ message }) => report(message),
    );
    listeners.push(started.use(listener));
  }
  if (metrics !== undefined && typeof config.metrics === "object") {
    const answer: RequestListener = (request, response) => {
      metrics.serve(request, response).then(
        (served) => served || response.writeHead(404).end(),
        (error) => {
          report(describe(error));
          response.writeHead(503).end();
        },
      );
    };
    started.use(await listen(config.metrics, answer, undefined, ({ message }) => report(message)));
  }
  const resources = started.move();
  return {
    addresses: listeners.map(({ address }) => address),
    async reload() {
      log?.reopen();
      for (const listener of listeners) await listener.reload();
    },
    async [Symbol.asyncDispose]() {
      health.stop();
      for (const listener of listeners) listener.stop();
      const end = Date.now() + config.shutdownTimeout;
      while (requests.size > 0 && Date.now() < end) await sleep(20);
      await resources.disposeAsync();
    },
  };
}
