/**
 * A plan with gaps: what `corten-oci`'s front door (native/front) replays without starting JavaScript.
 *
 * A start of the same bundle with the same options gives the same plan but for its ID, the number of the process that
 * makes it, the time, and the files that are named after these. Such text is compiled with marks in these places,
 * and stored with the conditions under which the plan holds.
 *
 * All numbers are little-endian, a reference is u32 offset and u32 length (bytes, or elements of a table), counted from
 * the start of the file; tables are aligned to 8, text is followed by a NUL. In a text with gaps the byte 1 … 5 stands
 * for the parameter of that number.
 *
 *     header     0 magic "cortenTP"  8 u32 version  12 u32 total length  16 ref key  24 ref conditions  32 ref texts
 *               40 ref patches  48 ref plan  56 u32 text of state.json (all ones: none)  60 u32 text of the plan's path
 *     condition  0 u32 kind  4 u32 reserved  8 ref path  16 ref data  24 u64 first  32 u64 second
 *     text       0 ref
 *     patch      0 u32 position of a reference in the plan  4 u32 text
 */

import { HEADER_SIZE, RECORD_SIZE } from "./encode.ts";
import { type FieldKind, OPERATIONS } from "./operation.ts";

export const TEMPLATE_MAGIC = "cortenTP";
export const TEMPLATE_VERSION = 1;
export const TEMPLATE_HEADER_SIZE = 64;
export const TEMPLATE_CONDITION_SIZE = 40;

/** What differs from one start to the next; the number is the byte that stands for it. */
export const PARAMETERS = { id: 1, pid: 2, start: 3, created: 4, pidFile: 5 } as const;
export type Parameter = keyof typeof PARAMETERS;

/** How a condition is checked; the numbers are the wire's. */
export const CONDITIONS = {
  /** `path` holds exactly `data`. */
  content: 1,
  /** `path` leads to the file at the path `data`, in which there is no symlink. */
  leadsTo: 2,
  /** `path` has inode `first` on device `second` (major in the upper half). */
  file: 3,
  /** `path` has inode `first` and was modified at `second`, milliseconds since 1970. */
  unchanged: 4,
  /** `path` is a directory where `first` is 1, something else where it is 0. */
  directory: 5,
  /** Nothing is at the path that text `first` gives. */
  absent: 6,
  /** The process has the permitted capabilities `first` and the bounding set `second`. */
  capabilities: 7,
  /** The kernel's release is `path`. */
  kernel: 8,
  /** Process `first` lives, and began at `second`. */
  alive: 9,
} as const;

/** Something that must be as it was when the plan was made. */
export interface Condition {
  readonly kind: keyof typeof CONDITIONS;
  /** For `absent` a text with marks. */
  readonly path?: string;
  readonly data?: string | Uint8Array;
  readonly first?: number;
  readonly second?: number;
}

/** Marks that stand for parameters while a plan is compiled: they occur nowhere else. */
export class Marks {
  readonly #pattern: RegExp;
  readonly #nonce: string;

  /** @param nonce hexadecimal digits that no input of the plan holds */
  constructor(nonce: string) {
    this.#nonce = `c${nonce}`;
    this.#pattern = new RegExp(`c${nonce}([1-5])`, "g");
  }

  /** The text that stands for a parameter. It is a valid ID and file name. */
  of(parameter: Parameter): string {
    return `${this.#nonce}${PARAMETERS[parameter]}`;
  }

  isIn(text: string): boolean {
    return text.includes(this.#nonce);
  }

  /** Turns marks to the bytes of gaps; undefined for a text that holds such bytes by itself. */
  gaps(text: string): Buffer | undefined {
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 1 && code <= 5) return undefined;
    }
    return Buffer.from(text.replace(this.#pattern, (_, digit: string) => String.fromCharCode(Number(digit))));
  }
}

/** A known start. */
export interface Template {
  /** The front door's name for the start. */
  readonly key: Uint8Array;
  readonly conditions: readonly Condition[];
  /** An encoded plan that was compiled with marks. */
  readonly plan: Uint8Array;
  /** Content of state.json, with marks; undefined where no container is made. */
  readonly record: string | undefined;
  /** Path of the file that the plan is written to, with marks. */
  readonly planFile: string;
}

/** Encodes a template; undefined when a text of it holds the bytes that stand for gaps. */
export function encodeTemplate(template: Template, marks: Marks): Uint8Array | undefined {
  const texts = new Map<string, number>();
  const textOf = (text: string): number => {
    const known = texts.get(text);
    if (known !== undefined) return known;
    texts.set(text, texts.size);
    return texts.size - 1;
  };
  const record = template.record === undefined ? 0xffff_ffff : textOf(template.record);
  const planFile = textOf(template.planFile);
  const conditions = template.conditions.map((condition) =>
    condition.kind === "absent" ? { kind: condition.kind, first: textOf(condition.path!) } : condition,
  );
  const patches = findPatches(template.plan, marks).map(
    ({ position, text }) => [position, textOf(text)] as const,
  );
  // The front door fills a text once for the patches that follow one another.
  patches.sort((one, other) => one[1] - other[1]);

  const filled: Buffer[] = [];
  for (const text of texts.keys()) {
    const bytes = marks.gaps(text);
    if (bytes === undefined) return undefined;
    filled.push(bytes);
  }
  const out = new Layout();
  out.words(TEMPLATE_HEADER_SIZE / 4);
  const key = out.text(template.key);
  const strings = conditions.map(({ path = "", data = "" }: Condition) => [out.text(path), out.text(data)]);
  const table = out.words((conditions.length * TEMPLATE_CONDITION_SIZE) / 4);
  const textPlaces = filled.map((bytes) => out.text(bytes));
  const textTable = out.words(filled.length * 2);
  const patchTable = out.words(patches.length * 2);
  const plan = out.data(template.plan);
  const bytes = out.bytes();

  bytes.write(TEMPLATE_MAGIC, 0, "latin1");
  writeWords(bytes, 8, [
    TEMPLATE_VERSION,
    bytes.length,
    ...key,
    table,
    conditions.length,
    textTable,
    filled.length,
    patchTable,
    patches.length,
    ...plan,
    record,
    planFile,
  ]);
  for (const [index, { kind, first = 0, second = 0 }] of (conditions as readonly Condition[]).entries()) {
    const at = table + index * TEMPLATE_CONDITION_SIZE;
    writeWords(bytes, at, [CONDITIONS[kind], 0, ...strings[index]!.flat()]);
    bytes.writeBigUInt64LE(BigInt(first), at + 24);
    bytes.writeBigUInt64LE(BigInt(second), at + 32);
  }
  writeWords(bytes, textTable, textPlaces.flat());
  writeWords(bytes, patchTable, patches.flat());
  return bytes;
}

function writeWords(bytes: Buffer, at: number, words: readonly number[]): void {
  for (const [index, word] of words.entries()) bytes.writeUInt32LE(word, at + index * 4);
}

/** The file's parts, one behind the other. */
class Layout {
  readonly #parts: Buffer[] = [];
  #length = 0;

  /** Leaves room for a table; returns where it begins. */
  words(count: number): number {
    return this.#add(Buffer.alloc(count * 4))[0];
  }

  text(text: string | Uint8Array): [number, number] {
    const bytes = Buffer.from(text as string);
    const [offset] = this.#add(Buffer.concat([bytes, Buffer.alloc(1)]));
    return [offset, bytes.length];
  }

  data(bytes: Uint8Array): [number, number] {
    return this.#add(Buffer.from(bytes));
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts, this.#length);
  }

  #add(bytes: Buffer): [number, number] {
    const padding = (8 - (this.#length % 8)) % 8;
    this.#parts.push(Buffer.alloc(padding), bytes);
    const offset = this.#length + padding;
    this.#length = offset + bytes.length;
    return [offset, bytes.length];
  }
}

/** Places in an encoded plan that refer to a text with marks. */
function findPatches(bytes: Uint8Array, marks: Marks): { position: number; text: string }[] {
  const plan = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const operations = plan.readUInt32LE(16);
  const pool = HEADER_SIZE + operations * RECORD_SIZE;
  const found: { position: number; text: string }[] = [];
  const look = (position: number) => {
    const offset = plan.readUInt32LE(position);
    const length = plan.readUInt32LE(position + 4);
    if (offset === 0xffff_ffff) return;
    const text = plan.toString("utf8", pool + offset, pool + offset + length);
    if (marks.isIn(text)) found.push({ position, text });
  };
  const lookAll = (position: number) => {
    const offset = plan.readUInt32LE(position);
    for (let index = 0; index < plan.readUInt32LE(position + 4); index++) look(pool + offset + index * 8);
  };
  look(56);
  lookAll(64);
  lookAll(72);
  const kinds = new Map<number, readonly FieldKind[]>(
    Object.values(OPERATIONS).map(({ code, fields }) => [code, Object.values(fields) as FieldKind[]]),
  );
  for (let record = HEADER_SIZE; record < pool; record += RECORD_SIZE) {
    look(record + 8);
    for (const [index, kind] of kinds.get(plan.readUInt16LE(record))!.entries()) {
      const position = record + 16 + index * 8;
      if (kind === "list") lookAll(position);
      else if (kind === "text" || kind === "text?" || kind === "data") look(position);
    }
  }
  return found;
}
