/**
 * The plan on the wire: one block of bytes that the executor maps and reads in place.
 *
 * All numbers are little-endian. A header of 80 bytes, then the operations as records of 80 bytes,
 * then the pool of strings. A reference is 8 bytes: u32 offset into the pool, u32 length (bytes,
 * or elements for a list). Every string in the pool is followed by a NUL, so that C can use it as it
 * stands; a list is an array of references, aligned to 8. All ones means absent.
 *
 *     header   0 magic "cortenPL"   8 u32 version   12 u32 total length   16 u32 operations   20 u32 pool length
 *             24 u32 registers     28 u32 reserved  32 sections: 3 × (u32 first, u32 count)
 *             56 ref failureFile   64 ref onFailure (list)                72 ref register labels (list)
 *     record   0 u16 code   2 u16 fields   4 u32 reserved   8 ref at   16 8 × u64 field
 */

import { CortenError } from "../../spec/index.ts";
import {
  type FieldKind,
  type LaunchPlan,
  OPERATIONS,
  type Operation,
  type OperationName,
  PLAN_VERSION,
  SECTIONS,
  type SectionName,
} from "./operation.ts";

export const PLAN_MAGIC = "cortenPL";
export const HEADER_SIZE = 80;
export const RECORD_SIZE = 80;
export const MAX_FIELDS = 8;
/** Registers the executor has. */
export const MAX_REGISTERS = 128;
/** Operations in one plan. */
export const MAX_OPERATIONS = 16_384;
/** Bytes of one encoded plan. */
export const MAX_PLAN_SIZE = 16 * 1024 * 1024;

const ABSENT = 0xffff_ffff;
const HIGH = 2 ** 32;

/** A place in the pool. */
interface Reference {
  readonly offset: number;
  readonly length: number;
}

/**
 * The pool of strings: equal text is stored once. Text is gathered and encoded in one go, since a call for each string
 * would take a third of the encoding's time. Until it is encoded it counts as ASCII, one byte for each unit; where
 * that was wrong, {@link isExact} tells, and a second pool is told to count bytes.
 */
class Pool {
  #buffer = Buffer.allocUnsafe(32 * 1024);
  #written = 0;
  /** Text that follows what is written. */
  #pending = "";
  /** Bytes written and pending. */
  #length = 0;
  #exact = true;
  readonly #countBytes: boolean;
  readonly #texts = new Map<string, Reference>();

  constructor(countBytes: boolean) {
    this.#countBytes = countBytes;
  }

  /** False when text turned out not to be ASCII, so that references are wrong. */
  get isExact(): boolean {
    this.#flush();
    return this.#exact;
  }

  get bytes(): Buffer {
    this.#flush();
    return this.#buffer.subarray(0, this.#length);
  }

  find(value: string): Reference | undefined {
    return this.#texts.get(value);
  }

  text(value: string): Reference {
    const known = this.#texts.get(value);
    if (known !== undefined) return known;
    const length = this.#countBytes ? Buffer.byteLength(value) : value.length;
    const reference = { offset: this.#length, length };
    this.#pending += `${value}\0`;
    this.#length += length + 1;
    this.#texts.set(value, reference);
    return reference;
  }

  data(value: Uint8Array): Reference {
    // A BPF program is an array of 8-byte structures that the executor hands to the kernel in place.
    this.#align();
    this.#reserve(value.length + 1);
    const offset = this.#length;
    this.#buffer.set(value, offset);
    this.#buffer[offset + value.length] = 0;
    this.#length += value.length + 1;
    this.#written = this.#length;
    return { offset, length: value.length };
  }

  list(values: readonly string[]): Reference {
    const references = values.map((value) => this.text(value));
    this.#align();
    this.#reserve(references.length * 8);
    const offset = this.#length;
    for (const reference of references) {
      this.#buffer.writeUInt32LE(reference.offset, this.#length);
      this.#buffer.writeUInt32LE(reference.length, this.#length + 4);
      this.#length += 8;
    }
    this.#written = this.#length;
    return { offset, length: values.length };
  }

  #align(): void {
    this.#flush();
    this.#reserve(8);
    while (this.#length % 8 !== 0) this.#buffer[this.#length++] = 0;
    this.#written = this.#length;
  }

  /** Encodes pending text. */
  #flush(): void {
    if (this.#pending === "") return;
    this.#reserve(0);
    const size = this.#length - this.#written;
    // A write that is cut at `size` also returns `size`: it does not tell that bytes are missing.
    if (Buffer.byteLength(this.#pending) !== size) this.#exact = false;
    this.#buffer.write(this.#pending, this.#written, size);
    this.#pending = "";
    this.#written = this.#length;
  }

  /** Makes sure that `more` bytes fit behind all that is counted. */
  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#written);
    this.#buffer = larger;
  }
}

/**
 * Header and records as words of 32 bits. Plain stores into a typed array are the cheapest way to write in code that
 * runs only once; they are little-endian because every machine that Corten runs on is.
 */
type Words = Uint32Array;

function writeReference(words: Words, at: number, { offset, length }: Reference): void {
  words[at] = offset;
  words[at + 1] = length;
}

/**
 * Encodes a plan for the executor.
 *
 * @throws invalid-argument when a string holds a NUL byte, naming the operation and its setting
 * @throws resource-exhausted when the plan has more registers, operations or bytes than the executor takes
 */
export function encodePlan(plan: LaunchPlan): Uint8Array {
  return encode(plan, new Pool(false)) ?? encode(plan, new Pool(true))!;
}

/** Encodes a plan into a fresh pool; undefined when that counted characters where it had to count bytes. */
function encode(plan: LaunchPlan, pool: Pool): Uint8Array | undefined {
  const operations = SECTIONS.flatMap((section) => plan.sections[section]);
  if (plan.registers.length > MAX_REGISTERS) {
    throw new CortenError(
      "resource-exhausted",
      `the plan needs ${plan.registers.length} descriptors at once, more than ${MAX_REGISTERS}`,
      {
        hint: "use fewer mounts or devices",
      },
    );
  }
  if (operations.length > MAX_OPERATIONS) {
    throw new CortenError(
      "resource-exhausted",
      `the plan has ${operations.length} operations, more than ${MAX_OPERATIONS}`,
    );
  }
  const words = new Uint32Array((HEADER_SIZE + operations.length * RECORD_SIZE) / 4);
  const head = Buffer.from(words.buffer);
  for (let index = 0; index < operations.length; index++) {
    writeRecord(words, (HEADER_SIZE + index * RECORD_SIZE) / 4, operations[index]!, pool);
  }
  writeHeader(words, plan, operations.length, pool);
  if (!pool.isExact) return undefined;
  head.write(PLAN_MAGIC, 0, "latin1");
  const total = head.length + pool.bytes.length;
  if (total > MAX_PLAN_SIZE) {
    throw new CortenError("resource-exhausted", `the plan takes ${total} bytes, more than ${MAX_PLAN_SIZE}`);
  }
  words[3] = total;
  words[5] = pool.bytes.length;
  return Buffer.concat([head, pool.bytes], total);
}

function writeHeader(words: Words, plan: LaunchPlan, operations: number, pool: Pool): void {
  words[2] = PLAN_VERSION;
  words[4] = operations;
  words[6] = plan.registers.length;
  let first = 0;
  for (const [index, section] of SECTIONS.entries()) {
    const count = plan.sections[section].length;
    words[8 + index * 2] = first;
    words[9 + index * 2] = count;
    first += count;
  }
  writeReference(words, 14, pool.text(plan.failureFile));
  writeReference(words, 16, pool.list(plan.onFailure));
  writeReference(words, 18, pool.list(plan.registers));
}

interface Layout {
  readonly code: number;
  /** Names of the fields, in wire order. */
  readonly names: readonly string[];
  /** Place of the field that names a section; -1 without one. */
  readonly section: number;
}

const layouts = new Map<OperationName, Layout>();

/** The layout of an operation's record; a plan has a third of all operations, so each is laid out when it occurs. */
function layoutOf(op: OperationName): Layout {
  let layout = layouts.get(op);
  if (layout === undefined) {
    const { code, fields } = OPERATIONS[op];
    layout = { code, names: Object.keys(fields), section: Object.values(fields).indexOf("section") };
    layouts.set(op, layout);
  }
  return layout;
}

/**
 * Writes one record. The type of a field's value tells how it is written: the types of {@link Operation} leave a
 * string only where text, data or a section's name belongs. One flat function, since it runs a thousand times in
 * a start and is never compiled to machine code.
 */
function writeRecord(words: Words, record: number, operation: Operation, pool: Pool): void {
  const { code, names, section } = layoutOf(operation.op);
  words[record] = code | (names.length << 16);
  writeReference(words, record + 2, pool.text(operation.at));
  for (let index = 0, at = record + 4; index < names.length; index++, at += 2) {
    const value = (operation as unknown as Record<string, FieldValue>)[names[index]!]!;
    if (typeof value === "number") {
      // A signed number of 64 bits in two halves: a bigint for each would cost half of the encoding's time.
      words[at] = value;
      if (value < 0 || value >= HIGH) words[at + 1] = Math.floor(value / HIGH);
    } else if (typeof value === "string") {
      if (index === section) words[at] = SECTIONS.indexOf(value as SectionName);
      else writeReference(words, at, pool.find(value) ?? newString(pool, operation, names[index]!, value));
    } else if (value === null) {
      words[at] = ABSENT;
      words[at + 1] = ABSENT;
    } else if (value instanceof Uint8Array) {
      writeReference(words, at, pool.data(value));
    } else {
      for (const element of value) withoutNul(operation, names[index]!, element);
      writeReference(words, at, pool.list(value));
    }
  }
}

type FieldValue = number | string | null | Uint8Array | readonly string[];

/** Stores a string that the pool does not have. Data may hold a NUL; then it is kept apart from text. */
function newString(pool: Pool, operation: Operation, name: string, value: string): Reference {
  if (!value.includes("\0")) return pool.text(value);
  const fields: Readonly<Record<string, FieldKind>> = OPERATIONS[operation.op].fields;
  if (fields[name] === "data") return pool.data(Buffer.from(value));
  return pool.text(withoutNul(operation, name, value));
}

/** A NUL would end the string early in C: what the executor saw would differ from what was checked. */
function withoutNul(operation: Operation, field: string, value: string): string {
  if (!value.includes("\0")) return value;
  throw new CortenError("invalid-argument", `${operation.at || operation.op}: ${field} contains a NUL byte`, {
    pointer: operation.at,
  });
}
