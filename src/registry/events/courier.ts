import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { EventQueue, WaitingEvent } from "../metadata/event-queue.ts";
import { NotDelivered, POST_TIMEOUT_MS, post } from "./post.ts";
import type { WebhookSettings } from "./webhook-settings.ts";

/** What became of one attempt. */
export type DeliveryOutcome = "dead" | "delivered" | "postponed";

/** Options of {@link Courier}. */
export interface CourierOptions {
  readonly queue: EventQueue;
  readonly settings: WebhookSettings;
  readonly onOutcome: (outcome: DeliveryOutcome) => void;
  /** Told about events that were pushed out of a full queue. */
  readonly onLost: (count: number) => void;
  readonly onFailure: (error: unknown) => void;
  /** Pause after the first failure in milliseconds; it doubles up to ten minutes. Default: 1000. */
  readonly backoff?: number;
  /** Milliseconds between two looks at the queue when nothing is known to be there. Default: 5000. */
  readonly every?: number;
}

export const DEFAULT_ATTEMPTS = 16;
export const DEFAULT_WAITING = 10_000;
const MOST_DEAD = 1000;
/** Repositories whose events are delivered side by side. */
const REPOSITORIES = 4;
const EVENTS = 50;
/** A killed server's events are free after this. */
const LEASE_MS = 20_000;
/** What is left of the lease then is longer than an attempt. */
const EXTEND_AFTER_MS = LEASE_MS - POST_TIMEOUT_MS - 5000;
const LONGEST_PAUSE_MS = 10 * 60_000;
/** No receiver makes us wait longer. */
const LONGEST_RETRY_AFTER_MS = 60 * 60_000;

/**
 * Delivers the waiting events of one receiver: those of a repository one after the other, some repositories side by side. A
 * receiver that fails is left alone for a while; an event that it never takes becomes a dead letter, and the next ones go on.
 */
export class Courier implements AsyncDisposable {
  readonly #options: CourierOptions;
  readonly #holder = randomUUID();
  /** Ends everything; requests under way too. */
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #wake = new AbortController();
  /** Something may be there that was not looked at. */
  #woken = true;
  /** Failures since the last success. */
  #failures = 0;
  #pausedUntil = 0;
  #extended = 0;

  constructor(options: CourierOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Says that an event was written down. */
  wake(): void {
    this.#woken = true;
    this.#wake.abort();
  }

  /** Stops. What was not delivered waits for the next server. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#options.queue.release(this.#holder).catch(this.#options.onFailure);
  }

  async #run(): Promise<void> {
    const { onFailure, every = 5000 } = this.#options;
    while (!this.#stop.signal.aborted) {
      this.#woken = false;
      this.#wake = new AbortController();
      let delivered = 0;
      try {
        delivered = await this.#round();
      } catch (error) {
        onFailure(error);
      }
      const left = this.#pausedUntil - Date.now();
      // Servers that look at the same queue do not do so in step.
      if (left > 0) await this.#sleep(left, this.#stop.signal);
      else if (delivered === 0 && !this.#woken)
        await this.#sleep(
          every * (0.75 + Math.random() / 2),
          AbortSignal.any([this.#stop.signal, this.#wake.signal]),
        );
    }
  }

  async #sleep(time: number, signal: AbortSignal): Promise<void> {
    await pause(time, undefined, { signal, ref: false }).catch(() => undefined);
  }

  /** Delivers what can be claimed now; the number of events of which something became. */
  async #round(): Promise<number> {
    const { queue, settings, onLost } = this.#options;
    const receiver = settings.name;
    const trimmed = await queue.trim(receiver, {
      waiting: settings.queue ?? DEFAULT_WAITING,
      dead: MOST_DEAD,
    });
    if (trimmed.waiting + trimmed.dead > 0) onLost(trimmed.waiting + trimmed.dead);
    const claim = {
      receiver,
      holder: this.#holder,
      lease: LEASE_MS,
      repositories: REPOSITORIES,
      events: EVENTS,
    };
    const claimed = await queue.claim(claim);
    this.#extended = Date.now();
    const lanes = Map.groupBy(claimed, ({ repository }) => repository);
    const counts = await Promise.all([...lanes.values()].map((events) => this.#deliver(events)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async #deliver(events: readonly WaitingEvent[]): Promise<number> {
    let done = 0;
    for (const event of events) {
      if (this.#stop.signal.aborted || !(await this.#has(event))) break;
      const outcome = await this.#attempt(event);
      if (outcome === undefined) break;
      this.#options.onOutcome(outcome);
      if (outcome === "postponed") break;
      done++;
    }
    return done;
  }

  /** Whether the event is still this server's: after a long stop another one may have it. */
  async #has({ id }: WaitingEvent): Promise<boolean> {
    if (Date.now() - this.#extended < EXTEND_AFTER_MS) return true;
    this.#extended = Date.now();
    return (await this.#options.queue.extend(this.#holder, LEASE_MS)).has(id);
  }

  /** One attempt; undefined when it was broken off. */
  async #attempt(event: WaitingEvent): Promise<DeliveryOutcome | undefined> {
    const { queue, settings, onFailure } = this.#options;
    const { attempts = DEFAULT_ATTEMPTS } = settings;
    try {
      await post(
        settings,
        event.body,
        AbortSignal.any([AbortSignal.timeout(POST_TIMEOUT_MS), this.#stop.signal]),
      );
    } catch (error) {
      if (this.#stop.signal.aborted) return undefined;
      if (!(error instanceof NotDelivered)) throw error;
      if (error.retryable) this.#pause(error);
      if (!error.retryable || event.attempts + 1 >= attempts) {
        onFailure(error);
        await queue.bury(event.id, error.message);
        return "dead";
      }
      await queue.postpone(event.id, this.#holder, this.#delay(event.attempts, error));
      return "postponed";
    }
    this.#failures = 0;
    await queue.settle(event.id);
    return "delivered";
  }

  /** All of the receiver's events wait: whatever is wrong with it is most likely not wrong with one event. */
  #pause(error: NotDelivered): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, Date.now() + this.#delay(this.#failures++, error));
  }

  #delay(failures: number, { retryAfter = 0 }: NotDelivered): number {
    const { backoff = 1000 } = this.#options;
    const wait = Math.min(backoff * 2 ** Math.min(failures, 30), LONGEST_PAUSE_MS);
    return Math.max(wait, Math.min(retryAfter, LONGEST_RETRY_AFTER_MS));
  }
}
