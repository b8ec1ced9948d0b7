import type { LabelCondition, PruneFilter } from "../../../engine/index.ts";
import { CortenError } from "../../../spec/index.ts";
import { parseMoment } from "../../terminal/units.ts";

/** The filters of a prune command. */
export interface ParsedFilters {
  readonly filter: PruneFilter;
  /** `dangling=…`, which asks for images without a tag alone, or for all. */
  readonly dangling?: boolean;
}

/** Reads `until=…`, `label=…`, `label!=…` and, where it is known, `dangling=…`. Docker's and podman's words. */
export function parseFilters(
  filters: readonly string[],
  known: readonly ("until" | "label" | "dangling")[],
): ParsedFilters {
  let until: Date | undefined;
  let dangling: boolean | undefined;
  const labels: LabelCondition[] = [];
  for (const text of filters) {
    const [, name = "", not = "", value = ""] = /^([a-z]+)(!?)=(.*)$/s.exec(text) ?? [];
    if (!(known as readonly string[]).includes(name) || value === "" || (not !== "" && name !== "label")) {
      const words = known.flatMap((word) => (word === "label" ? ["label", "label!"] : [word]));
      throw new CortenError(
        "invalid-argument",
        `invalid filter "${text}": NAME=VALUE with one of ${words.join(", ")}`,
      );
    }
    if (name === "until") until = earlier(until, readUntil(text, value));
    else if (name === "dangling") dangling = readDangling(text, value);
    else labels.push(readLabel(value, not !== ""));
  }
  return {
    filter: { ...(until === undefined ? {} : { until }), ...(labels.length === 0 ? {} : { labels }) },
    ...(dangling === undefined ? {} : { dangling }),
  };
}

function readUntil(text: string, value: string): Date {
  const moment = parseMoment(value);
  if (moment !== undefined) return moment;
  throw new CortenError("invalid-argument", `invalid filter "${text}": want a time, or how long ago: 24h`);
}

function earlier(one: Date | undefined, other: Date): Date {
  return one === undefined || other < one ? other : one;
}

function readDangling(text: string, value: string): boolean {
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw new CortenError("invalid-argument", `invalid filter "${text}": want dangling=true or dangling=false`);
}

function readLabel(text: string, not: boolean): LabelCondition {
  const equals = text.indexOf("=");
  return equals < 0
    ? { name: text, not }
    : { name: text.slice(0, equals), value: text.slice(equals + 1), not };
}
