import type { RegistryConfig } from "../config/registry-config.ts";
import type { EventQueue } from "../metadata/event-queue.ts";
import { openStorage } from "./open-storage.ts";

/**
 * The waiting events of a configuration's registry. Servers may run at the same time: they look at the queue every few seconds.
 *
 * @param onFailure told of failures that keep nothing from working
 * @throws what opening the storage throws
 */
export async function openEvents(
  config: RegistryConfig,
  onFailure: (error: unknown) => void,
): Promise<AsyncDisposable & { readonly events: EventQueue }> {
  const storage = await openStorage(config, onFailure);
  return { events: storage.metadata.events, [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose]() };
}
