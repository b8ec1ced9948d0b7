import { CortenError } from "../../spec/index.ts";
import type { RegistryConfig } from "../config/registry-config.ts";
import { completeLimits } from "../options.ts";
import { type MirrorReport, runMirror } from "../replication/mirror.ts";
import { openStorage } from "./open-storage.ts";

/** Options of {@link mirrorNow}. */
export interface MirrorNowOptions {
  /** Names of mirrors. Default: all. */
  readonly names?: readonly string[];
  readonly signal?: AbortSignal;
  /** Told about failures that keep nothing from working. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Runs mirrors of a configuration once, one after the other. Servers may run at the same time.
 *
 * @throws not-found for a name that the configuration does not have
 */
export async function mirrorNow(
  config: RegistryConfig,
  options: MirrorNowOptions,
): Promise<readonly MirrorReport[]> {
  const { names = [], signal, onFailure } = options;
  const unknown = names.find((name) => !config.mirrors.some((mirror) => mirror.name === name));
  if (unknown !== undefined) {
    const known = config.mirrors.map(({ name }) => name).join(", ");
    throw new CortenError("not-found", `the configuration has no mirror "${unknown}"`, {
      hint: `it has: ${known}`,
    });
  }
  await using storage = await openStorage(config, onFailure);
  const context = { metadata: storage.metadata, blobs: storage.blobs, limits: completeLimits(config.limits) };
  const reports: MirrorReport[] = [];
  for (const mirror of config.mirrors) {
    if (names.length > 0 && !names.includes(mirror.name)) continue;
    reports.push(await runMirror(mirror, { ...context, ...(signal === undefined ? {} : { signal }) }));
  }
  return reports;
}
