import { createHmac, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { CortenError } from "../../spec/index.ts";
import { matchesOne } from "../access/glob.ts";
import { CLOUD_EVENT_TYPE, type CloudEvent, toCloudEvent } from "./cloud-event.ts";
import type { RegistryEvent } from "./registry-event.ts";
import { DEFAULT_KINDS, type WebhookSettings } from "./webhook-settings.ts";

/** How a webhook delivers. */
export interface WebhookOptions {
  /** The `source` of its events. */
  readonly source: string;
  /** Told about events that could not be delivered. */
  readonly onFailure: (error: unknown) => void;
  /** Events that may wait; later ones push out the oldest. Default: 10,000. */
  readonly waiting?: number;
  /** Attempts at one event. Default: 8. */
  readonly attempts?: number;
  /** Pause after the first failure in milliseconds; it doubles up to a minute. Default: 1000. */
  readonly backoff?: number;
  /** Time for one attempt in milliseconds. Default: 10000. */
  readonly timeout?: number;
}

const LONGEST_PAUSE_MS = 60_000;

/**
 * Posts events to one address, one after the other in their order, as CloudEvents. A receiver that fails gets the same event
 * again, with the same id; requests never wait for it. Events are in memory: those of a killed server are lost.
 */
export class Webhook implements AsyncDisposable {
  readonly #settings: WebhookSettings;
  readonly #options: WebhookOptions;
  readonly #queue: CloudEvent[] = [];
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #lost = 0;

  constructor(settings: WebhookSettings, options: WebhookOptions) {
    this.#settings = settings;
    this.#options = options;
  }

  /** Events that wait to be delivered. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Events that were given up. */
  get lost(): number {
    return this.#lost;
  }

  /** Takes an event, if it is one that the receiver wants. */
  add(event: RegistryEvent): void {
    const { kinds = DEFAULT_KINDS, repositories } = this.#settings;
    if (!kinds.includes(event.kind)) return;
    if (repositories !== undefined && !matchesOne(repositories, event.repository)) return;
    const { source, waiting = 10_000 } = this.#options;
    this.#queue.push(toCloudEvent(event, { id: randomUUID(), source, time: Date.now() }));
    if (this.#queue.length > waiting) {
      // The first one is on its way already.
      this.#queue.splice(1, 1);
      this.#lost++;
    }
    this.#running ??= this.#deliver().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Gives what waits one more attempt, and stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #deliver(): Promise<void> {
    for (let event = this.#queue[0]; event !== undefined; event = this.#queue[0]) {
      try {
        await this.#deliverOne(event);
      } catch (error) {
        this.#lost++;
        this.#options.onFailure(error);
      }
      this.#queue.shift();
    }
  }

  async #deliverOne(event: CloudEvent): Promise<void> {
    const { attempts = 8, backoff = 1000 } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#post(event);
      } catch (error) {
        const final = error instanceof CortenError && !error.retryable;
        if (final || attempt >= attempts || this.#stop.signal.aborted) throw error;
        const wait = Math.min(backoff * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
        await pause(wait, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      }
    }
  }

  async #post(event: CloudEvent): Promise<void> {
    const { url, authorizationFile, secretFile } = this.#settings;
    const body = JSON.stringify(event);
    const headers: Record<string, string> = { "content-type": CLOUD_EVENT_TYPE };
    // Read each time: whoever changes a secret need not restart the registry.
    if (authorizationFile !== undefined) headers["authorization"] = await secretIn(authorizationFile);
    if (secretFile !== undefined) {
      const key = await secretIn(secretFile);
      headers["corten-signature"] = `sha256=${createHmac("sha256", key).update(body).digest("hex")}`;
    }
    const signal = AbortSignal.timeout(this.#options.timeout ?? 10_000);
    const what = `event ${event.id} to ${new URL(url).host}`;
    let status: number;
    try {
      const response = await fetch(url, { method: "POST", headers, body, redirect: "error", signal });
      await response.body?.cancel();
      ({ status } = response);
    } catch (cause) {
      throw new CortenError("unavailable", `${what}: ${(cause as Error).message}`, { cause });
    }
    if (status >= 200 && status < 300) return;
    const passing = status >= 500 || status === 429 || status === 408;
    throw new CortenError(
      passing ? "unavailable" : "failed-precondition",
      `${what}: the receiver answered ${status}`,
    );
  }
}

async function secretIn(file: string): Promise<string> {
  return (await readFile(file, "utf8")).trim();
}
