import type { LayerRule } from "../../archive/index.ts";
import type { DocumentRule, Rule } from "../../spec/index.ts";

/** The rules about how the parts of an image fit together; the others are about one part each. */
export const CONTENT_RULES = {
  "layout-file": { severity: "error", clause: "image-layout.md, Content" },
  "no-image": { severity: "error", clause: "image-layout.md, index.json" },
  missing: { severity: "error", clause: "manifest.md, config and layers" },
  "missing-entry": { severity: "warning", clause: "image-index.md: an index may be sparse" },
  unreadable: { severity: "error", clause: "descriptor.md: content can be fetched and verified" },
  "size-mismatch": { severity: "error", clause: "descriptor.md, size" },
  "digest-mismatch": { severity: "error", clause: "descriptor.md, Verification" },
  "digest-unverified": { severity: "warning", clause: "descriptor.md, Verification" },
  "data-mismatch": { severity: "error", clause: "descriptor.md, Embedded Content" },
  compression: { severity: "error", clause: "layer.md: the media type names the compression" },
  "compression-docker": {
    severity: "warning",
    clause: "Docker's type for gzip, which tools use for plain tar as well",
  },
  erofs: { severity: "error", clause: "Linux, fs/erofs/erofs_fs.h: a tree that the kernel may mount" },
  "diff-id": { severity: "error", clause: "config.md, Layer DiffID" },
  "layer-type": { severity: "warning", clause: "manifest.md, layers: types that all readers know" },
  "platform-mismatch": { severity: "warning", clause: "image-index.md, platform" },
  "too-much": { severity: "error", clause: "CVE-2026-53493: caps on the graph of indexes" },
} as const satisfies Readonly<Record<string, Rule>>;

/** The name of a rule about how parts fit together. */
export type ContentRule = keyof typeof CONTENT_RULES;

/** A rule that an image breaks, and where. */
export interface ImageFinding extends Rule {
  readonly rule: ContentRule | DocumentRule | LayerRule;
  /** The document or blob: its digest, or the name of a layout's file. */
  readonly document: string;
  /** JSON pointer into the document; absent for a layer's content. */
  readonly pointer?: string;
  /** Entry of the layer's archive, counted from 0. */
  readonly entry?: number;
  /** The entry's name. */
  readonly path?: string;
  /** Byte of the layer's unpacked archive. */
  readonly offset?: number;
  readonly message: string;
}
