import type { RegistryConfig } from "../config/registry-config.ts";
import { createRegistry, type Registry } from "../registry.ts";
import { openStorage } from "./open-storage.ts";
import { webhooksOf } from "./webhooks-of.ts";

/**
 * The registry of a configuration without listening, for work on what it keeps. Servers may run at the same time.
 *
 * @param onFailure told of failures that keep nothing from working
 * @throws what opening the storage throws
 */
export async function openAttendedRegistry(
  config: RegistryConfig,
  onFailure: (error: unknown) => void,
): Promise<Registry> {
  await using opened = new AsyncDisposableStack();
  const storage = opened.use(await openStorage(config, onFailure));
  const registry = opened.use(
    createRegistry({
      storage,
      limits: config.limits,
      ...config.collection,
      webhooks: { ...webhooksOf(config), deliver: false },
      onFailure,
    }),
  );
  const resources = opened.move();
  return {
    handler: registry.handler,
    collect: (options) => registry.collect(options),
    scrub: (options) => registry.scrub(options),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
