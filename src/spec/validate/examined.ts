import { escapePointer } from "../strict-json.ts";
import type { Findings } from "./finding.ts";
import type { DocumentRule } from "./rules.ts";

/**
 * A value inside a document that is being judged. Unlike {@link JsonView}, which stops at the first
 * fault, it notes the fault, gives undefined and lets the judging go on.
 */
export class Examined {
  readonly value: unknown;
  readonly pointer: string;
  readonly findings: Findings;

  constructor(value: unknown, pointer: string, findings: Findings) {
    this.value = value;
    this.pointer = pointer;
    this.findings = findings;
  }

  report(rule: DocumentRule, message: string): void {
    this.findings.report(rule, this.pointer, message);
  }

  /** The named property, there or not. */
  field(name: string): Examined {
    const object = this.#asObject();
    const value = object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
    return this.#at(name, value);
  }

  /** A REQUIRED property; undefined, with a finding, when it is missing or null. */
  required(name: string): Examined | undefined {
    const found = this.field(name);
    if (found.value !== undefined && found.value !== null) return found;
    found.report("required", found.value === null ? "is null, but is required" : "is missing");
    return undefined;
  }

  /** An OPTIONAL property that may not be null; undefined when it is not there. */
  optional(name: string): Examined | undefined {
    const found = this.field(name);
    if (found.value === null) found.report("null-field", "is null, which some readers refuse: leave it out");
    return found.value === undefined || found.value === null ? undefined : found;
  }

  /** An OPTIONAL property that may be null, as all of config.md; undefined when it is not there. */
  nullable(name: string): Examined | undefined {
    const found = this.field(name);
    return found.value === undefined || found.value === null ? undefined : found;
  }

  string(): string | undefined {
    if (typeof this.value === "string") return this.value;
    this.report("type", "is not a string");
    return undefined;
  }

  boolean(): boolean | undefined {
    if (typeof this.value === "boolean") return this.value;
    this.report("type", "is not a boolean");
    return undefined;
  }

  /** An integer that a signed 64-bit number of other readers holds, and a double exactly. */
  integer(rule: DocumentRule = "type"): number | undefined {
    if (typeof this.value === "number" && Number.isSafeInteger(this.value)) return this.value;
    this.report(rule, "is not an integer within 53 bits");
    return undefined;
  }

  object(): Readonly<Record<string, unknown>> | undefined {
    const object = this.#asObject();
    if (object === undefined) this.report("type", "is not an object");
    return object;
  }

  /** The properties of an object; nothing, with a finding, when it is none. */
  entries(): readonly (readonly [name: string, value: Examined])[] {
    const object = this.object();
    return object === undefined
      ? []
      : Object.entries(object).map(([name, value]) => [name, this.#at(name, value)] as const);
  }

  /** The items of an array; nothing, with a finding, when it is none. */
  items(): readonly Examined[] {
    if (Array.isArray(this.value)) return this.value.map((item, index) => this.#at(String(index), item));
    this.report("type", "is not an array");
    return [];
  }

  /** Reports every item that is not a string, and gives those that are. */
  strings(): readonly Examined[] {
    return this.items().filter((item) => item.string() !== undefined);
  }

  #asObject(): Readonly<Record<string, unknown>> | undefined {
    return typeof this.value === "object" && this.value !== null && !Array.isArray(this.value)
      ? (this.value as Readonly<Record<string, unknown>>)
      : undefined;
  }

  #at(name: string, value: unknown): Examined {
    return new Examined(value, `${this.pointer}/${escapePointer(name)}`, this.findings);
  }
}
