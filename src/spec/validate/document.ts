import { MAX_DOCUMENT_SIZE } from "../document.ts";
import { isCortenError } from "../error.ts";
import { MAX_CONFIG_SIZE } from "../image-config.ts";
import { isIndexType, isManifestType } from "../media-types.ts";
import { parseJson } from "../strict-json.ts";
import { Examined } from "./examined.ts";
import type { DocumentFinding } from "./finding.ts";
import { Findings, shown } from "./finding.ts";
import type { ExaminedConfig } from "./image-config.ts";
import { examineConfig } from "./image-config.ts";
import type { ExaminedIndex } from "./image-index.ts";
import { examineIndex } from "./image-index.ts";
import type { ExaminedManifest } from "./manifest.ts";
import { examineManifest } from "./manifest.ts";

/** Repeated names of one document that are told of. */
const MAX_DUPLICATES = 100;

/** What a judged document turned out to be. */
export interface Judged<Result> {
  readonly findings: readonly DocumentFinding[];
  /** True when there were more findings than are kept. */
  readonly cut: boolean;
  /** The parts that are usable; undefined when it cannot be read at all. */
  readonly result: Result | undefined;
}

/**
 * Judges a manifest or an index by every rule of image-spec, where {@link parseDocument} stops at the
 * first that is broken.
 *
 * @param announced the type that the descriptor or the Content-Type says, if anything did
 */
export function validateDocument(
  bytes: Uint8Array,
  announced?: string,
): Judged<ExaminedManifest | ExaminedIndex> {
  return judge(bytes, MAX_DOCUMENT_SIZE, (root) => {
    const kind = kindOf(announced) ?? kindOf(root.field("mediaType").value);
    const isIndex = kind === undefined ? root.field("manifests").value !== undefined : kind === "index";
    return isIndex ? examineIndex(root, announced) : examineManifest(root, announced);
  });
}

/**
 * Judges an image configuration by every rule of image-spec.
 *
 * @param layers how many the manifest has, where that is known
 */
export function validateImageConfig(bytes: Uint8Array, layers?: number): Judged<ExaminedConfig> {
  return judge(bytes, MAX_CONFIG_SIZE, (root) => examineConfig(root, layers));
}

/** Judges the `oci-layout` file (image-layout.md). */
export function validateLayoutFile(bytes: Uint8Array): Judged<string> {
  return judge(bytes, 64 * 1024, (root) => {
    const version = root.required("imageLayoutVersion")?.string();
    if (version !== undefined && version !== "1.0.0") {
      root.field("imageLayoutVersion").report("layout", `is ${shown(version)}, not "1.0.0"`);
    }
    return version;
  });
}

function kindOf(mediaType: unknown): "index" | "manifest" | undefined {
  if (typeof mediaType !== "string") return undefined;
  return isIndexType(mediaType) ? "index" : isManifestType(mediaType) ? "manifest" : undefined;
}

function judge<Result>(
  bytes: Uint8Array,
  maxSize: number,
  examine: (root: Examined) => Result | undefined,
): Judged<Result> {
  const findings = new Findings();
  const result = examineBytes(bytes, maxSize, findings, examine);
  return { findings: findings.list, cut: findings.cut, result };
}

function examineBytes<Result>(
  bytes: Uint8Array,
  maxSize: number,
  findings: Findings,
  examine: (root: Examined) => Result | undefined,
): Result | undefined {
  if (bytes.length > maxSize) {
    findings.report("document-size", "", `is ${bytes.length} bytes, more than ${maxSize}`);
    return undefined;
  }
  let value: unknown;
  let duplicates: readonly string[];
  try {
    ({ value, duplicates } = parseJson(bytes, "the document", MAX_DUPLICATES));
  } catch (error) {
    if (!isCortenError(error)) throw error;
    findings.report("json", error.pointer ?? "", error.message.replace(/^the document /, ""));
    return undefined;
  }
  for (const pointer of duplicates) {
    findings.report(
      "json-duplicate-name",
      pointer,
      "occurs twice: one reader keeps the first, another the last",
    );
  }
  const root = new Examined(value, "", findings);
  return root.object() === undefined ? undefined : examine(root);
}
