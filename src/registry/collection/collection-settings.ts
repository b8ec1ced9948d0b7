import type { JsonView } from "../../spec/index.ts";
import { onlyFields, optional } from "../access/settings.ts";
import { readDuration } from "./duration.ts";
import type { ScrubSettings } from "./housekeeper.ts";
import { type Quotas, readQuotas, readSize } from "./quotas.ts";
import { type RetentionRule, readRetentionRules } from "./retention-rules.ts";

/** The sections `retention`, `quotas` and `scrub` of a configuration, for the options of a registry. */
export interface CollectionSettings {
  readonly retention?: readonly RetentionRule[];
  readonly quotas?: Quotas;
  readonly scrub?: ScrubSettings;
}

/** Their names. */
export const COLLECTION_SECTIONS = ["retention", "quotas", "scrub"] as const;

/**
 * Reads them from the document that has them.
 *
 * @throws invalid-argument that names the key at fault
 */
export function readCollectionSettings(document: JsonView): CollectionSettings {
  const retention = readRetentionRules(document.field("retention"));
  const quotas = readQuotas(document.field("quotas"));
  const scrub = optional(document.field("scrub"), readScrub);
  return {
    ...(retention.length === 0 ? {} : { retention }),
    ...(quotas === undefined ? {} : { quotas }),
    ...(scrub === undefined ? {} : { scrub }),
  };
}

function readScrub(view: JsonView): ScrubSettings {
  onlyFields(view, ["every", "bytesPerSecond"]);
  const every = readDuration(view.field("every"));
  if (every < 3_600_000) throw view.field("every").fault("is less than 1h");
  const bytesPerSecond = optional(view.field("bytesPerSecond"), readSize);
  return { every, ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }) };
}
