import { randomUUID } from "node:crypto";
import { matchesOne } from "../access/glob.ts";
import type { EventQueue, OutgoingEvent } from "../metadata/event-queue.ts";
import { toCloudEvent } from "./cloud-event.ts";
import { Courier, type DeliveryOutcome } from "./courier.ts";
import type { RegistryEvent } from "./registry-event.ts";
import { DEFAULT_KINDS, type WebhookSettings } from "./webhook-settings.ts";

/** Who is told what happens in a registry. */
export interface WebhookOptions {
  /** The `source` of events: how this registry is called. */
  readonly source: string;
  readonly receivers: readonly WebhookSettings[];
  /** False only writes events down, for others to deliver. Default true. */
  readonly deliver?: boolean;
  /** Told about each attempt. Must not throw. */
  readonly onOutcome?: (outcome: DeliveryOutcome) => void;
  /** Told about events that were pushed out of a full queue. Must not throw. */
  readonly onLost?: (count: number) => void;
  /** Pause after the first failure in milliseconds; it doubles up to ten minutes. Default: 1000. */
  readonly backoff?: number;
}

/** Events are forgotten after a week, whatever became of their receiver. */
const LONGEST_WAIT_MS = 7 * 24 * 60 * 60_000;
const FORGET_EVERY_MS = 60 * 60_000;

/**
 * Events on their way to webhooks. They are written down with the change that they tell of, and delivered afterwards, by
 * whichever server comes first; so the end of a server loses none.
 */
export class Outbox implements AsyncDisposable {
  readonly #options: WebhookOptions;
  readonly #queue: EventQueue;
  readonly #couriers: readonly Courier[];
  readonly #onFailure: (error: unknown) => void;
  readonly #timer: NodeJS.Timeout | undefined;
  #gathered: OutgoingEvent[] = [];
  #writing: Promise<void> | undefined;

  constructor(queue: EventQueue, options: WebhookOptions, onFailure: (error: unknown) => void) {
    this.#queue = queue;
    this.#options = options;
    this.#onFailure = onFailure;
    const { deliver = true, receivers, backoff, onOutcome = ignore, onLost = ignore } = options;
    const shared = { queue, onOutcome, onLost, onFailure, ...(backoff === undefined ? {} : { backoff }) };
    this.#couriers = deliver ? receivers.map((settings) => new Courier({ ...shared, settings })) : [];
    if (deliver) this.#timer = setInterval(() => this.#forget(), FORGET_EVERY_MS).unref();
  }

  /** An event as its receivers get it; to be written down with the change that it tells of. */
  outgoing(event: RegistryEvent): readonly OutgoingEvent[] {
    let body: string | undefined;
    return this.#options.receivers
      .filter((receiver) => wants(receiver, event))
      .map(({ name }) => {
        body ??= JSON.stringify(
          toCloudEvent(event, { id: randomUUID(), source: this.#options.source, time: Date.now() }),
        );
        return { receiver: name, repository: event.repository, body };
      });
  }

  /** A change has been made, and what was to be written down about it is. */
  wake(): void {
    for (const courier of this.#couriers) courier.wake();
  }

  /** Writes down an event that changed nothing, soon. */
  note(event: RegistryEvent): void {
    const outgoing = this.outgoing(event);
    if (outgoing.length === 0) return;
    this.#gathered.push(...outgoing);
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    await Promise.all(this.#couriers.map((courier) => courier[Symbol.asyncDispose]()));
  }

  /** What comes while the rows of the last events are written is written together. */
  async #write(): Promise<void> {
    while (this.#gathered.length > 0) {
      const events = this.#gathered;
      this.#gathered = [];
      try {
        await this.#queue.add(events);
      } catch (error) {
        this.#options.onLost?.(events.length);
        this.#onFailure(error);
      }
      this.wake();
    }
  }

  #forget(): void {
    this.#queue.forget(Date.now() - LONGEST_WAIT_MS).then((count) => {
      if (count > 0) this.#options.onLost?.(count);
    }, this.#onFailure);
  }
}

function wants({ kinds = DEFAULT_KINDS, repositories }: WebhookSettings, event: RegistryEvent): boolean {
  return (
    kinds.includes(event.kind) && (repositories === undefined || matchesOne(repositories, event.repository))
  );
}

function ignore(): void {
  // Nobody wants to know.
}
