import type { Digest } from "../digest.ts";
import type { Platform } from "../image.ts";
import { examineAnnotations } from "./annotations.ts";
import { examineDigest } from "./descriptor.ts";
import type { Examined } from "./examined.ts";
import { examineExecution } from "./execution.ts";
import { shown } from "./finding.ts";
import { isDateTime } from "./grammar.ts";
import { examineNames } from "./platform.ts";

/** An image configuration as far as it is usable. */
export interface ExaminedConfig {
  readonly kind: "config";
  /** One for each layer; undefined where it is broken. */
  readonly diffIDs: readonly (Digest | undefined)[];
  readonly platform: Platform | undefined;
  /** When it was made, where it says so. */
  readonly created: string | undefined;
}

/**
 * Judges an image configuration (config.md).
 *
 * @param layers how many the manifest has, where that is known
 */
export function examineConfig(root: Examined, layers?: number): ExaminedConfig {
  const architecture = root.required("architecture")?.string();
  const os = root.required("os")?.string();
  examineNames(root, os, architecture);
  const variant = root.nullable("variant")?.string();
  root.nullable("os.version")?.string();
  root.nullable("os.features")?.strings();
  root.nullable("author")?.string();
  const created = examineTime(root.nullable("created"));
  const execution = root.nullable("config");
  if (execution !== undefined) {
    examineExecution(execution);
    const labels = execution.nullable("Labels");
    if (labels !== undefined) examineAnnotations(labels, { labels: true });
  }
  const diffIDs = examineRootfs(root);
  if (layers !== undefined && diffIDs !== undefined && diffIDs.length !== layers) {
    root
      .field("rootfs")
      .field("diff_ids")
      .report("layer-count", `has ${diffIDs.length} entries, but the manifest has ${layers} layers`);
  }
  examineHistory(root, layers ?? diffIDs?.length);
  const platform =
    architecture === undefined || os === undefined
      ? undefined
      : { architecture, os, ...(variant ? { variant } : {}) };
  return { kind: "config", diffIDs: diffIDs ?? [], platform, created };
}

function examineRootfs(root: Examined): readonly (Digest | undefined)[] | undefined {
  const rootfs = root.required("rootfs");
  if (rootfs?.object() === undefined) return undefined;
  const type = rootfs.required("type");
  if (type !== undefined && type.value !== "layers") {
    type.report("rootfs-type", `is ${shown(type.value)}, not "layers"`);
  }
  const diffIDs = rootfs.field("diff_ids");
  // Docker writes null for an image without layers, and every reader takes it.
  if (diffIDs.value === null) {
    diffIDs.report("null-field", "is null, which some readers refuse: an empty array says the same");
    return [];
  }
  return rootfs.required("diff_ids")?.items().map(examineDigest);
}

function examineTime(view: Examined | undefined): string | undefined {
  const text = view?.string();
  if (view === undefined || text === undefined || isDateTime(text)) return text;
  view.report("time", `is ${shown(text)}, no RFC 3339 date-time`);
  return undefined;
}

function examineHistory(root: Examined, layers: number | undefined): void {
  const history = root.nullable("history");
  if (history === undefined) return;
  let filled = 0;
  for (const entry of history.items()) {
    if (entry.object() === undefined) continue;
    examineTime(entry.nullable("created"));
    for (const name of ["created_by", "author", "comment"]) entry.nullable(name)?.string();
    if (entry.nullable("empty_layer")?.boolean() !== true) filled++;
  }
  if (layers === undefined || filled === layers) return;
  const message = `has ${filled} entries that are not empty, but there are ${layers} layers`;
  // A short one is what `docker import` and squashing make; one that is too long is another image's.
  history.report(filled > layers ? "history" : "history-short", message);
}
