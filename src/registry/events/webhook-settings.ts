import { createHash } from "node:crypto";
import type { JsonView } from "../../spec/index.ts";
import type { Glob } from "../access/glob.ts";
import { choice, onlyFields, optional, patterns, text } from "../access/settings.ts";
import type { RegistryEvent } from "./registry-event.ts";

/** Somebody who is told what happens. */
export interface WebhookSettings {
  /** By this its waiting events are known to be its. */
  readonly name: string;
  /** http or https; where events are posted to. */
  readonly url: string;
  /** Kinds of events. Default: all but pulls. */
  readonly kinds?: readonly RegistryEvent["kind"][];
  /** Repositories. Default: all. */
  readonly repositories?: readonly Glob[];
  /** A file whose content is the `Authorization` header. */
  readonly authorizationFile?: string;
  /** A file with the key for `Corten-Signature`, an HMAC-SHA256 of the body in hexadecimal digits. */
  readonly secretFile?: string;
  /** Attempts at one event. Default: 16, in more than an hour. */
  readonly attempts?: number;
  /** Events that may wait; later ones push out the oldest. Default: 10,000. */
  readonly queue?: number;
}

const KINDS = [
  ...(["manifest-pushed", "manifest-pulled", "manifest-deleted", "tag-deleted"] as const),
  ...(["blob-pushed", "blob-pulled", "blob-mounted", "blob-deleted"] as const),
];
/** Pulls are many, and of the kinds of those who want them. */
export const DEFAULT_KINDS: readonly RegistryEvent["kind"][] = KINDS.filter(
  (kind) => !kind.endsWith("-pulled"),
);

/** Section `events`. */
export interface EventSettings {
  /** The `source` of events: how this registry is called. Default: where it listens. */
  readonly source?: string;
  readonly webhooks: readonly WebhookSettings[];
}

/**
 * Reads section `events`.
 *
 * @param path reads a field that is a path
 * @throws invalid-argument that names the key at fault
 */
export function readEvents(view: JsonView, path: (field: JsonView) => string): EventSettings {
  onlyFields(view, ["source", "webhooks"]);
  const source = optional(view.field("source"), text);
  const webhooks = readWebhooks(view.field("webhooks"), path);
  return { ...(source === undefined ? {} : { source }), webhooks };
}

function readWebhooks(view: JsonView, path: (field: JsonView) => string): readonly WebhookSettings[] {
  const names = new Set<string>();
  return view.items().map((entry) => {
    onlyFields(entry, [
      ...["name", "url", "kinds", "repositories", "authorizationFile", "secretFile"],
      ...["attempts", "queue"],
    ]);
    const url = text(entry.field("url"));
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
      throw entry.field("url").fault(`is "${url}"`, "an http or https address");
    const kinds = optional(entry.field("kinds"), (field) => field.items().map((item) => choice(item, KINDS)));
    const repositories = optional(entry.field("repositories"), patterns);
    const authorizationFile = optional(entry.field("authorizationFile"), path);
    const secretFile = optional(entry.field("secretFile"), path);
    const attempts = optional(entry.field("attempts"), (field) => count(field, 1000));
    const queue = optional(entry.field("queue"), (field) => count(field, 1_000_000));
    const name = optional(entry.field("name"), text) ?? nameOf(url);
    if (names.has(name)) throw entry.field("name").fault(`is "${name}" twice`, "a name for each receiver");
    names.add(name);
    return {
      name,
      url,
      ...(kinds === undefined ? {} : { kinds }),
      ...(repositories === undefined ? {} : { repositories }),
      ...(authorizationFile === undefined ? {} : { authorizationFile }),
      ...(secretFile === undefined ? {} : { secretFile }),
      ...(attempts === undefined ? {} : { attempts }),
      ...(queue === undefined ? {} : { queue }),
    };
  });
}

/** The host, and what tells its addresses apart: the address itself may hold a secret, and names are shown. */
function nameOf(url: string): string {
  return `${new URL(url).host}-${createHash("sha256").update(url).digest("hex").slice(0, 8)}`;
}

function count(view: JsonView, most: number): number {
  const value = view.size();
  if (value < 1 || value > most) throw view.fault(`is ${value}`, `1 to ${most}`);
  return value;
}
