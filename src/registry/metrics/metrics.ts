import type { IncomingMessage, ServerResponse } from "node:http";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { DeliveryOutcome } from "../events/courier.ts";
import type { RegistryEvent } from "../events/registry-event.ts";
import type { AccessRecord } from "../http/access-record.ts";
import type { Endpoint } from "../http/endpoint.ts";
import { parseRoute } from "../http/route.ts";
import type { Metadata } from "../metadata/metadata.ts";

/** Seconds: a manifest takes less than a millisecond, a large blob minutes. */
const BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300];

/**
 * Counts for Prometheus, at `/metrics`. Labels are of few values only: no repository, no user, nothing a client chooses.
 */
export class Metrics implements Endpoint {
  readonly #registry = new Registry();
  readonly #requests: Counter<"method" | "route" | "status">;
  readonly #seconds: Histogram<"method" | "route">;
  readonly #sent: Counter;
  readonly #events: Counter<"kind">;
  readonly #failures: Counter;
  readonly #deliveries: Counter<"outcome">;
  readonly #lost: Counter;

  /**
   * @param metadata what it counts is shared by all servers that use it
   * @param webhooks whether there are any
   */
  constructor(metadata: Metadata, webhooks: boolean) {
    const registers = [this.#registry];
    const name = (text: string): string => `corten_registry_${text}`;
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Counter({
      name: name("requests_total"),
      help: "Requests answered",
      labelNames: ["method", "route", "status"],
      registers,
    });
    this.#seconds = new Histogram({
      name: name("request_seconds"),
      help: "Time until a request was answered",
      labelNames: ["method", "route"],
      buckets: BUCKETS,
      registers,
    });
    this.#sent = new Counter({ name: name("sent_bytes_total"), help: "Bytes of answers' bodies", registers });
    this.#events = new Counter({
      name: name("events_total"),
      help: "What happened",
      labelNames: ["kind"],
      registers,
    });
    this.#failures = new Counter({
      name: name("failures_total"),
      help: "Failures of the registry itself",
      registers,
    });
    new Gauge({
      name: name("uploads"),
      help: "Unfinished uploads",
      registers,
      async collect() {
        this.set(await metadata.countUploads());
      },
    });
    this.#deliveries = new Counter({
      name: name("event_deliveries_total"),
      help: "Attempts to deliver an event",
      labelNames: ["outcome"],
      registers: webhooks ? registers : [],
    });
    this.#lost = new Counter({
      name: name("events_lost_total"),
      help: "Events that were pushed out of a full queue",
      registers: webhooks ? registers : [],
    });
    if (!webhooks) return;
    new Gauge({
      name: name("events_waiting"),
      help: "Events not yet delivered to webhooks",
      registers,
      async collect() {
        this.set((await metadata.events.count()).waiting);
      },
    });
    new Gauge({
      name: name("events_dead"),
      help: "Events that their webhook did not take, kept for a week",
      registers,
      async collect() {
        this.set((await metadata.events.count()).dead);
      },
    });
  }

  /** Counts a request. */
  request({ method, path, status, duration, sent }: AccessRecord): void {
    const route = path.startsWith("/v2/") ? (parseRoute(path)?.kind ?? "other") : "other";
    // A client may send what it likes as a method.
    const known = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"].includes(method) ? method : "other";
    this.#requests.inc({ method: known, route, status });
    this.#seconds.observe({ method: known, route }, duration / 1000);
    if (sent !== undefined) this.#sent.inc(sent);
  }

  /** Counts an event. */
  event({ kind }: RegistryEvent): void {
    this.#events.inc({ kind });
  }

  /** Counts an attempt to deliver an event. */
  delivery(outcome: DeliveryOutcome): void {
    this.#deliveries.inc({ outcome });
  }

  /** Counts events that nobody will get. */
  lost(count: number): void {
    this.#lost.inc(count);
  }

  /** Counts a failure. */
  failure(): void {
    this.#failures.inc();
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    if (request.url?.split("?", 1)[0] !== "/metrics") return false;
    const text = await this.#registry.metrics();
    response.writeHead(200, { "Content-Type": this.#registry.contentType });
    response.end(text);
    return true;
  }
}
