import { CortenError } from "./error.ts";
import { escapePointer } from "./strict-json.ts";

/**
 * One value inside a parsed JSON document, with the pointer that led to it: reading it as a type
 * that it does not have is an error that names document and pointer.
 */
export class JsonView {
  readonly value: unknown;
  readonly pointer: string;
  readonly #what: string;

  constructor(value: unknown, what: string, pointer = "") {
    this.value = value;
    this.pointer = pointer;
    this.#what = what;
  }

  /** True for a field that is missing, or null: the Go structures behind most images write null for empty. */
  get absent(): boolean {
    return this.value === undefined || this.value === null;
  }

  /** The named field of an object, absent or not. */
  field(name: string): JsonView {
    const object = this.object();
    const value = Object.hasOwn(object, name) ? object[name] : undefined;
    return new JsonView(value, this.#what, `${this.pointer}/${escapePointer(name)}`);
  }

  object(): Readonly<Record<string, unknown>> {
    if (typeof this.value !== "object" || this.value === null || Array.isArray(this.value)) {
      throw this.fault("is not an object");
    }
    return this.value as Readonly<Record<string, unknown>>;
  }

  items(): readonly JsonView[] {
    if (!Array.isArray(this.value)) throw this.fault("is not an array");
    return this.value.map((item, index) => new JsonView(item, this.#what, `${this.pointer}/${index}`));
  }

  string(): string {
    if (typeof this.value !== "string") throw this.fault("is not a string");
    return this.value;
  }

  boolean(): boolean {
    if (typeof this.value !== "boolean") throw this.fault("is not a boolean");
    return this.value;
  }

  /** A count or size: an integer from 0 to 2^53-1. */
  size(): number {
    if (typeof this.value !== "number" || !Number.isSafeInteger(this.value) || this.value < 0) {
      throw this.fault("is not an integer of 0 or more");
    }
    return this.value;
  }

  strings(): readonly string[] {
    return this.items().map((item) => item.string());
  }

  /** An object whose values are all read by `read`, null values left out. */
  map<T>(read: (value: JsonView) => T): Readonly<Record<string, T>> {
    const names = Object.keys(this.object());
    // fromEntries defines own properties, so that "__proto__" is a name like any other.
    return Object.fromEntries(
      names
        .map((name) => [name, this.field(name)] as const)
        .filter(([, view]) => !view.absent)
        .map(([name, view]) => [name, read(view)]),
    );
  }

  /** The error for this value; `why` continues a sentence that begins with the pointer. */
  fault(why: string, hint?: string): CortenError {
    const missing = this.value === undefined && why.startsWith("is not a");
    return new CortenError(
      "invalid-argument",
      `${this.#what}: ${this.pointer || "the document"} ${missing ? "is missing" : why}`,
      { pointer: this.pointer, ...(hint === undefined ? {} : { hint }) },
    );
  }
}
