import type { Rule } from "../spec/index.ts";

/** Every rule that the content of a layer is judged by. */
export const LAYER_RULES = {
  packing: { severity: "error", clause: "RFC 1952; RFC 8878" },
  "packing-time": {
    severity: "warning",
    clause: "RFC 1952, MTIME: equal layers have equal digests only without it",
  },
  tar: { severity: "error", clause: "POSIX pax, ustar interchange format" },
  limit: { severity: "error", clause: "limits on what an archive may ask of its reader" },
  "end-marker": { severity: "warning", clause: "POSIX pax: two blocks of zeros end an archive" },
  "trailing-data": { severity: "warning", clause: "POSIX pax: nothing follows the end of an archive" },
  "no-entries": { severity: "warning", clause: "layer.md: a layer without entries changes nothing" },
  "name-escapes": { severity: "error", clause: "layer.md: entries are relative to the root; CVE-2021-29136" },
  "name-absolute": { severity: "warning", clause: "layer.md: entries are relative to the root" },
  "name-dots": { severity: "warning", clause: "layer.md: entries are relative to the root" },
  "name-length": { severity: "error", clause: "Linux, NAME_MAX" },
  "name-encoding": { severity: "warning", clause: "POSIX pax: names are UTF-8" },
  "duplicate-entry": { severity: "error", clause: "layer.md: no duplicate entries for one path" },
  root: { severity: "error", clause: "layer.md: the root is a directory; CVE-2021-29136" },
  parent: { severity: "error", clause: "layer.md: a parent is a directory" },
  "parent-link": { severity: "warning", clause: "layer.md: a parent is a directory; CVE-2026-11940" },
  "whiteout-name": { severity: "error", clause: "layer.md, Whiteouts: the base name is not empty" },
  "whiteout-type": { severity: "error", clause: "layer.md, Whiteouts: an empty file" },
  "whiteout-order": { severity: "warning", clause: "layer.md, Whiteouts: before sibling entries (SHOULD)" },
  "whiteout-lowest": { severity: "warning", clause: "layer.md, Whiteouts: they hide what lower layers have" },
  aufs: { severity: "warning", clause: "layer.md, Whiteouts: .wh. is reserved" },
  "hard-link": { severity: "error", clause: "layer.md, Hardlinks; CVE-2026-17106" },
  "hard-link-below": { severity: "warning", clause: "layer.md, Hardlinks: the target is in a lower layer" },
  device: { severity: "error", clause: "Linux: 12 bits of major, 20 bits of minor number" },
  xattr: { severity: "warning", clause: "layer.md, xattrs: the attribute is in no namespace of Linux" },
  sparse: { severity: "warning", clause: "layer.md, Sparse files (SHOULD NOT)" },
} as const satisfies Readonly<Record<string, Rule>>;

/** The name of a rule about layers. */
export type LayerRule = keyof typeof LAYER_RULES;

/** A rule that a layer breaks, and where. */
export interface LayerFinding extends Rule {
  readonly rule: LayerRule;
  /** Which entry of the archive, counted from 0; undefined for the archive as a whole. */
  readonly entry: number | undefined;
  /** The entry's name for display. */
  readonly path: string | undefined;
  /** Byte in the unpacked archive. */
  readonly offset: number | undefined;
  readonly message: string;
}
