import type { ExaminedLayer } from "../../archive/index.ts";
import type { Judged } from "../../spec/index.ts";
import type { ContentRule, ImageFinding } from "./rules.ts";
import { CONTENT_RULES } from "./rules.ts";

/** What was found out about an image. */
export interface ImageReport {
  /** In the order in which the parts were looked at. */
  readonly findings: readonly ImageFinding[];
  readonly errors: number;
  readonly warnings: number;
  /** Findings that there were beyond those listed. */
  readonly unlisted: number;
  /** Manifests, indexes and configurations that were looked at. */
  readonly documents: number;
  /** Layers whose content was looked at. */
  readonly layers: number;
}

/** Findings of one image that are listed. */
const MAX_FINDINGS = 10_000;

/** Collects findings, each once however often what it is about is listed. */
export class ReportBuilder {
  documents = 0;
  layers = 0;
  readonly #findings = new Map<string, ImageFinding>();
  #unlisted = 0;

  add(finding: ImageFinding): void {
    const { rule, document, pointer, entry, offset, message } = finding;
    const key = JSON.stringify([rule, document, pointer, entry, offset, message]);
    if (this.#findings.has(key)) return;
    if (this.#findings.size < MAX_FINDINGS) this.#findings.set(key, finding);
    else this.#unlisted++;
  }

  content(rule: ContentRule, document: string, message: string, pointer = ""): void {
    this.add({ rule, ...CONTENT_RULES[rule], document, pointer, message });
  }

  /** Takes over what is wrong with a document by itself. */
  judged<Result>(document: string, judged: Judged<Result>): Result | undefined {
    this.documents++;
    for (const finding of judged.findings) this.add({ ...finding, document });
    if (judged.cut) this.#unlisted++;
    return judged.result;
  }

  /** Takes over what is wrong with a layer by itself. */
  layer(document: string, { findings, unlisted }: ExaminedLayer): void {
    this.layers++;
    for (const { rule, severity, clause, message, entry, path, offset } of findings) {
      this.add({
        rule,
        severity,
        clause,
        document,
        message,
        ...(entry === undefined ? {} : { entry }),
        ...(path === undefined ? {} : { path }),
        ...(offset === undefined ? {} : { offset }),
      });
    }
    this.#unlisted += unlisted;
  }

  finish(): ImageReport {
    const findings = [...this.#findings.values()];
    const errors = findings.filter(({ severity }) => severity === "error").length;
    const { documents, layers } = this;
    return {
      findings,
      errors,
      warnings: findings.length - errors,
      unlisted: this.#unlisted,
      documents,
      layers,
    };
  }
}
