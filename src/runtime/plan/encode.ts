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
  PLAN_VERSION,
  SECTIONS,
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

/** The pool of strings: equal text is stored once. */
class Pool {
  #buffer = Buffer.allocUnsafe(32 * 1024);
  #length = 0;
  readonly #texts = new Map<string, Reference>();

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  text(value: string): Reference {
    const known = this.#texts.get(value);
    if (known !== undefined) return known;
    // UTF-8 takes at most three bytes for each UTF-16 unit.
    this.#grow(value.length * 3 + 1);
    const offset = this.#length;
    const length = this.#buffer.write(value, offset);
    this.#buffer[offset + length] = 0;
    this.#length += length + 1;
    const reference = { offset, length };
    this.#texts.set(value, reference);
    return reference;
  }

  data(value: string | Uint8Array): Reference {
    if (typeof value === "string") return this.text(value);
    // A BPF program is an array of 8-byte structures that the executor hands to the kernel in place.
    this.#align();
    this.#grow(value.length + 1);
    const offset = this.#length;
    this.#buffer.set(value, offset);
    this.#buffer[offset + value.length] = 0;
    this.#length += value.length + 1;
    return { offset, length: value.length };
  }

  list(values: readonly string[]): Reference {
    const references = values.map((value) => this.text(value));
    this.#align();
    this.#grow(references.length * 8);
    const offset = this.#length;
    for (const reference of references) {
      this.#buffer.writeUInt32LE(reference.offset, this.#length);
      this.#buffer.writeUInt32LE(reference.length, this.#length + 4);
      this.#length += 8;
    }
    return { offset, length: values.length };
  }

  #align(): void {
    this.#grow(8);
    while (this.#length % 8 !== 0) this.#buffer[this.#length++] = 0;
  }

  #grow(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
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

/** A signed number of 64 bits in two halves: a bigint for each field would cost half of the encoding's time. */
function writeInteger(words: Words, at: number, value: number): void {
  words[at] = value;
  words[at + 1] = Math.floor(value / HIGH);
}

/**
 * Encodes a plan for the executor.
 *
 * @throws invalid-argument when a string holds a NUL byte, naming the operation and its setting
 * @throws resource-exhausted when the plan has more registers, operations or bytes than the executor takes
 */
export function encodePlan(plan: LaunchPlan): Uint8Array {
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
  const pool = new Pool();
  const words = new Uint32Array((HEADER_SIZE + operations.length * RECORD_SIZE) / 4);
  const head = Buffer.from(words.buffer);
  for (const [index, operation] of operations.entries()) {
    writeRecord(words, (HEADER_SIZE + index * RECORD_SIZE) / 4, operation, pool);
  }
  writeHeader(words, plan, operations.length, pool);
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

/** Names and kinds of each operation's fields, in wire order. */
const LAYOUTS = new Map(
  Object.entries(OPERATIONS).map(([op, { code, fields }]) => [
    op,
    { code, fields: Object.entries(fields) as ReadonlyArray<readonly [string, FieldKind]> },
  ]),
);

function writeRecord(words: Words, record: number, operation: Operation, pool: Pool): void {
  const { code, fields } = LAYOUTS.get(operation.op)!;
  words[record] = code | (fields.length << 16);
  writeReference(words, record + 2, pool.text(operation.at));
  for (let index = 0; index < fields.length; index++) {
    const [name, kind] = fields[index]!;
    const value = (operation as unknown as Record<string, unknown>)[name];
    writeField(words, record + 4 + index * 2, operation, name, kind, value, pool);
  }
}

function writeField(
  words: Words,
  at: number,
  operation: Operation,
  name: string,
  kind: FieldKind,
  value: unknown,
  pool: Pool,
): void {
  if (value === null) {
    writeReference(words, at, { offset: ABSENT, length: ABSENT });
    return;
  }
  switch (kind) {
    case "in":
    case "in?":
    case "out":
    case "int":
      writeInteger(words, at, value as number);
      break;
    case "text":
    case "text?":
      writeReference(words, at, pool.text(withoutNul(operation, name, value as string)));
      break;
    case "data":
      writeReference(words, at, pool.data(value as string | Uint8Array));
      break;
    case "list": {
      const values = value as readonly string[];
      for (const element of values) withoutNul(operation, name, element);
      writeReference(words, at, pool.list(values));
      break;
    }
    case "section":
      writeInteger(words, at, SECTIONS.indexOf(value as (typeof SECTIONS)[number]));
      break;
  }
}

/** A NUL would end the string early in C: what the executor saw would differ from what was checked. */
function withoutNul(operation: Operation, field: string, value: string): string {
  if (!value.includes("\0")) return value;
  throw new CortenError("invalid-argument", `${operation.at || operation.op}: ${field} contains a NUL byte`, {
    pointer: operation.at,
  });
}
