import type { JsonView } from "../../spec/index.ts";
import { type Glob, matchesOne } from "../access/glob.ts";
import { readGlobs } from "../access/policies.ts";
import { onlyFields, optional } from "../access/settings.ts";
import type { Quota } from "../metadata/housekeeping.ts";

/** How many bytes each repository and the whole registry may have. */
export interface Quotas {
  /** What counts for a repository; undefined for no limit. */
  of(repository: string): Quota | undefined;
}

/**
 * Reads the setting `quotas`: `total`, and `repositories`, a list of patterns with `bytes` of which the first counts.
 *
 * @throws invalid-argument that names the key at fault
 */
export function readQuotas(view: JsonView): Quotas | undefined {
  if (view.absent) return undefined;
  onlyFields(view, ["total", "repositories"]);
  const total = optional(view.field("total"), readSize);
  const rules = optional(view.field("repositories"), (field) => field.items().map(readRule)) ?? [];
  return {
    of(repository) {
      const bytes = rules.find(({ globs }) => matchesOne(globs, repository))?.bytes;
      if (bytes === undefined && total === undefined) return undefined;
      return {
        ...(bytes === undefined ? {} : { repository: bytes }),
        ...(total === undefined ? {} : { total }),
      };
    },
  };
}

function readRule(view: JsonView): { readonly globs: readonly Glob[]; readonly bytes: number } {
  onlyFields(view, ["repositories", "bytes"]);
  return { globs: readGlobs(view.field("repositories")), bytes: readSize(view.field("bytes")) };
}

const UNITS: Readonly<Record<string, number>> = { K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** A number of bytes, or text such as `500G`. */
export function readSize(view: JsonView): number {
  if (typeof view.value === "number") return view.size();
  const form = /^(\d{1,6})([KMGT])$/.exec(view.string());
  if (form === null) throw view.fault("is no size", "a number of bytes, or one with K, M, G or T, e.g. 500G");
  return Number(form[1]) * UNITS[form[2]!]!;
}
