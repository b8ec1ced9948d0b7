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

const ABSENT = 0xffff_ffff_ffff_ffffn;

/** The pool of strings: equal text is stored once. */
class Pool {
  #buffer = Buffer.allocUnsafe(16 * 1024);
  #length = 0;
  readonly #texts = new Map<string, bigint>();

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  text(value: string): bigint {
    const known = this.#texts.get(value);
    if (known !== undefined) return known;
    const length = Buffer.byteLength(value);
    this.#grow(length + 1);
    const offset = this.#length;
    this.#buffer.write(value, offset);
    this.#buffer[offset + length] = 0;
    this.#length += length + 1;
    const reference = BigInt(offset) | (BigInt(length) << 32n);
    this.#texts.set(value, reference);
    return reference;
  }

  data(value: string | Uint8Array): bigint {
    if (typeof value === "string") return this.text(value);
    // A BPF program is an array of 8-byte structures that the executor hands to the kernel in place.
    this.#align();
    this.#grow(value.length + 1);
    const offset = this.#length;
    this.#buffer.set(value, offset);
    this.#buffer[offset + value.length] = 0;
    this.#length += value.length + 1;
    return BigInt(offset) | (BigInt(value.length) << 32n);
  }

  list(values: readonly string[]): bigint {
    const references = values.map((value) => this.text(value));
    this.#align();
    this.#grow(references.length * 8);
    const offset = this.#length;
    for (const [index, reference] of references.entries()) {
      this.#buffer.writeBigUInt64LE(reference, offset + index * 8);
    }
    this.#length += references.length * 8;
    return BigInt(offset) | (BigInt(values.length) << 32n);
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
  const head = Buffer.alloc(HEADER_SIZE + operations.length * RECORD_SIZE);
  for (const [index, operation] of operations.entries()) {
    writeRecord(head, HEADER_SIZE + index * RECORD_SIZE, operation, pool);
  }
  writeHeader(head, plan, operations.length, pool);
  const total = head.length + pool.bytes.length;
  if (total > MAX_PLAN_SIZE) {
    throw new CortenError("resource-exhausted", `the plan takes ${total} bytes, more than ${MAX_PLAN_SIZE}`);
  }
  head.writeUInt32LE(total, 12);
  head.writeUInt32LE(pool.bytes.length, 20);
  return Buffer.concat([head, pool.bytes], total);
}

function writeHeader(head: Buffer, plan: LaunchPlan, operations: number, pool: Pool): void {
  head.write(PLAN_MAGIC, 0, "latin1");
  head.writeUInt32LE(PLAN_VERSION, 8);
  head.writeUInt32LE(operations, 16);
  head.writeUInt32LE(plan.registers.length, 24);
  let first = 0;
  for (const [index, section] of SECTIONS.entries()) {
    const count = plan.sections[section].length;
    head.writeUInt32LE(first, 32 + index * 8);
    head.writeUInt32LE(count, 36 + index * 8);
    first += count;
  }
  head.writeBigUInt64LE(pool.text(plan.failureFile), 56);
  head.writeBigUInt64LE(pool.list(plan.onFailure), 64);
  head.writeBigUInt64LE(pool.list(plan.registers), 72);
}

function writeRecord(head: Buffer, offset: number, operation: Operation, pool: Pool): void {
  const { code, fields } = OPERATIONS[operation.op];
  const names = Object.keys(fields);
  head.writeUInt16LE(code, offset);
  head.writeUInt16LE(names.length, offset + 2);
  head.writeBigUInt64LE(pool.text(operation.at), offset + 8);
  for (const [index, name] of names.entries()) {
    const kind = (fields as Record<string, FieldKind>)[name]!;
    const value = (operation as unknown as Record<string, unknown>)[name];
    head.writeBigUInt64LE(encodeField(operation, name, kind, value, pool), offset + 16 + index * 8);
  }
}

function encodeField(
  operation: Operation,
  name: string,
  kind: FieldKind,
  value: unknown,
  pool: Pool,
): bigint {
  switch (kind) {
    case "in":
    case "out":
      return BigInt(value as number);
    case "in?":
      return value === null ? ABSENT : BigInt(value as number);
    case "int":
      return BigInt.asUintN(64, BigInt(value as number));
    case "text":
      return pool.text(withoutNul(operation, name, value as string));
    case "text?":
      return value === null ? ABSENT : pool.text(withoutNul(operation, name, value as string));
    case "data":
      return pool.data(value as string | Uint8Array);
    case "list":
      return pool.list((value as readonly string[]).map((element) => withoutNul(operation, name, element)));
    case "section":
      return BigInt(SECTIONS.indexOf(value as (typeof SECTIONS)[number]));
  }
}

/** A NUL would end the string early in C: what the executor saw would differ from what was checked. */
function withoutNul(operation: Operation, field: string, value: string): string {
  if (!value.includes("\0")) return value;
  throw new CortenError("invalid-argument", `${operation.at || operation.op}: ${field} contains a NUL byte`, {
    pointer: operation.at,
  });
}
