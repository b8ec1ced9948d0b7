import type { DocumentRule, Rule } from "./rules.ts";
import { DOCUMENT_RULES } from "./rules.ts";

/** A rule that a document breaks, and where. */
export interface DocumentFinding extends Rule {
  readonly rule: DocumentRule;
  /** JSON pointer (RFC 6901) into the document; empty for the whole of it. */
  readonly pointer: string;
  /** Continues a sentence that begins with the place. */
  readonly message: string;
}

/** Findings in one document that are kept: 4 MiB of faults would be a million. */
const MAX_FINDINGS = 1000;

/** Collects what is wrong with one document. */
export class Findings {
  readonly list: DocumentFinding[] = [];
  /** True when there were more than are kept. */
  cut = false;

  report(rule: DocumentRule, pointer: string, message: string): void {
    if (this.list.length < MAX_FINDINGS) this.list.push({ rule, ...DOCUMENT_RULES[rule], pointer, message });
    else this.cut = true;
  }
}

/** A value from a document for a message: quoted, cut. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
