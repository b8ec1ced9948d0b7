import { describeAddress } from "../config/listen-address.ts";
import type { RegistryConfig } from "../config/registry-config.ts";
import type { WebhookOptions } from "../events/outbox.ts";

/** The receivers of events that a configuration names. */
export function webhooksOf({ events, listen, tls }: RegistryConfig): WebhookOptions {
  const [first] = listen;
  const host = first === undefined ? "registry" : describeAddress(first);
  return {
    source: events.source ?? `${tls === undefined ? "http" : "https"}://${host}`,
    receivers: events.webhooks,
  };
}
