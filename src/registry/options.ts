import type { Access, Action } from "./access/access.ts";
import type { ScrubSettings } from "./collection/housekeeper.ts";
import type { Quotas } from "./collection/quotas.ts";
import type { Expired } from "./collection/retention.ts";
import type { RetentionRule } from "./collection/retention-rules.ts";
import type { Damage } from "./collection/scrubber.ts";
import type { WebhookOptions } from "./events/outbox.ts";
import type { RegistryEvent } from "./events/registry-event.ts";
import type { AccessRecord } from "./http/access-record.ts";
import type { Endpoint } from "./http/endpoint.ts";
import type { UpstreamSettings } from "./proxy/upstream-settings.ts";
import type { RegistryStorage } from "./storage/registry-storage.ts";

/** What a registry serves, and how. */
export interface RegistryOptions {
  /** Where content is. It stays the caller's to let go of. */
  readonly storage: RegistryStorage;
  /** Who may do what. Default: everybody may do everything. */
  readonly access?: Access;
  readonly limits?: Partial<Limits>;
  /**
   * What must be there when a manifest is pushed: `blobs`, the configuration and layers, except layers
   * that may not be distributed; `all`, also what an index lists; or nothing. Default `blobs`.
   */
  readonly require?: "all" | "blobs" | "nothing";
  /** False answers every DELETE of blobs, manifests and tags with 405. Default true. */
  readonly deletes?: boolean;
  /** How many bytes repositories and the whole registry may have. Default: no limit. */
  readonly quotas?: Quotas;
  /** What is kept of tags and manifests; the first rule for a repository counts. Default: everything. */
  readonly retention?: readonly RetentionRule[];
  /** How often blobs are verified, and how fast. Default: only when `Registry.scrub` is called. */
  readonly scrub?: ScrubSettings;
  /** Told about each thing that retention removed. Must not throw. */
  readonly onExpired?: (expired: Expired) => void;
  /** Told about each blob whose bytes were found wrong. Must not throw. */
  readonly onDamage?: (damage: Damage) => void;
  /** Registries whose content can be pulled from this one, which keeps what was pulled. Default: none. */
  readonly upstreams?: readonly UpstreamSettings[];
  /** Sentences that clients show to their users about what was asked for (`Warning` headers). */
  readonly warnings?: (about: {
    readonly repository: string;
    readonly action: Action;
    readonly reference?: string;
  }) => readonly string[];
  /** Told about every change and every pull, after it happened. Must not throw. */
  readonly onEvent?: (event: RegistryEvent) => void;
  /** Told the same, over HTTP, at least once, also when this process dies in between. Default: nobody. */
  readonly webhooks?: WebhookOptions;
  /** Told about every request once it is answered. Must not throw. */
  readonly onAccess?: (record: AccessRecord) => void;
  /** Told about failures of the registry itself, which clients are not told. Must not throw. */
  readonly onFailure?: (error: unknown, request: { readonly method: string; readonly path: string }) => void;
  /** Answer requests outside `/v2/`, the first one that wants to. */
  readonly endpoints?: readonly Endpoint[];
}

/** Limits of a registry. Sizes are in bytes, times in milliseconds. */
export interface Limits {
  /** Largest manifest; at least the 4 MiB that registries must accept. Default 4 MiB. */
  readonly manifestSize: number;
  /** Largest blob. Default: none. */
  readonly blobSize: number;
  /** Uploads that may be under way in one repository. Default 1000. */
  readonly uploads: number;
  /** Requests a second, in the mean, of one user, or of one address where the user is not known. Default: no limit. */
  readonly requestsPerSecond: number;
  /** Tags that one PUT of a manifest may set; at least 10. Default 100. */
  readonly tagsPerPut: number;
  /** Longest list in one response: tags, repositories, referrers (CVE-2023-2253). Default 10,000. */
  readonly page: number;
  /** Age at which an upload that nobody goes on with is forgotten. Default a day. */
  readonly uploadAge: number;
  /** How long a blob stays that no manifest references. Default a day. */
  readonly grace: number;
}

const DEFAULTS: Limits = {
  manifestSize: 4 * 1024 * 1024,
  blobSize: Number.POSITIVE_INFINITY,
  uploads: 1000,
  requestsPerSecond: Number.POSITIVE_INFINITY,
  tagsPerPut: 100,
  page: 10_000,
  uploadAge: 24 * 60 * 60 * 1000,
  grace: 24 * 60 * 60 * 1000,
};

/** Fills in what was not said. */
export function completeLimits(limits: Partial<Limits> = {}): Limits {
  return { ...DEFAULTS, ...limits };
}
