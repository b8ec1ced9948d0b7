import type { Examined } from "./examined.ts";
import { shown } from "./finding.ts";

/** Judges what manifests and indexes begin with: schemaVersion and mediaType, against what was announced. */
export function examineHead(root: Examined, announced: string | undefined, types: readonly string[]): void {
  const version = root.required("schemaVersion");
  if (version !== undefined && version.value !== 2) {
    version.report("schema-version", `is ${shown(version.value)}, not 2`);
  }
  const own = root.optional("mediaType");
  if (own === undefined) {
    root.field("mediaType").report("document-media-type-missing", "is missing");
    return;
  }
  const type = own.string();
  if (type === undefined) return;
  if (!types.includes(type)) own.report("document-media-type", `is ${shown(type)}, not ${types[0]}`);
  else if (announced !== undefined && type !== announced) {
    own.report("document-kind", `is ${shown(type)}, but the document was announced as ${shown(announced)}`);
  }
}
