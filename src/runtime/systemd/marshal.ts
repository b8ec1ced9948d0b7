import { CortenError } from "../../spec/index.ts";

/** A value with its type: what a D-Bus VARIANT holds. */
export interface Variant {
  readonly signature: string;
  readonly value: Value;
}

/** Strings, numbers (64-bit ones as bigint or number), booleans, arrays and structs as arrays, variants. */
export type Value = string | number | bigint | boolean | Variant | readonly Value[];

/** Bytes of the longest message that is read or written: what this program says and hears is far shorter. */
export const MAX_MESSAGE = 1 << 20;
/** The specification's own limit of nesting. */
const MAX_DEPTH = 32;

const ALIGNMENT: Readonly<Record<string, number>> = {
  ...{ y: 1, g: 1, v: 1, n: 2, q: 2, b: 4, i: 4, u: 4, s: 4, o: 4, a: 4 },
  ...{ x: 8, t: 8, d: 8, "(": 8, "{": 8 },
};

/** Numbers that are written, with their bytes. */
const NUMBERS: Readonly<Record<string, number>> = { y: 1, i: 4, u: 4, x: 8, t: 8 };

function broken(what: string): CortenError {
  return new CortenError("internal", `a D-Bus message is malformed: ${what}`);
}

/** The first complete type of a signature. */
export function firstType(signature: string): string {
  const letter = signature[0];
  if (letter === undefined) throw broken("its signature ends early");
  if (letter === "a") return `a${firstType(signature.slice(1))}`;
  if (letter !== "(" && letter !== "{") return letter;
  const close = letter === "(" ? ")" : "}";
  let rest = signature.slice(1);
  while (rest[0] !== close) rest = rest.slice(firstType(rest).length);
  return signature.slice(0, signature.length - rest.length + 1);
}

/** The complete types of a signature, one after the other. */
function* typesOf(signature: string): Generator<string> {
  for (let rest = signature; rest !== ""; ) {
    const type = firstType(rest);
    yield type;
    rest = rest.slice(type.length);
  }
}

/** Writes values in the little-endian wire format of D-Bus. */
export class Writer {
  readonly #bytes: number[] = [];

  get bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  align(to: number): void {
    while (this.#bytes.length % to !== 0) this.#bytes.push(0);
  }

  /** Writes one value for each complete type of the signature. */
  write(signature: string, values: readonly Value[]): void {
    let index = 0;
    for (const type of typesOf(signature)) this.#one(type, values[index++]!);
  }

  #number(value: number | bigint, size: number): void {
    this.align(size);
    const rest = BigInt.asUintN(size * 8, BigInt(value));
    for (let shift = 0; shift < size; shift++) this.#bytes.push(Number((rest >> BigInt(shift * 8)) & 0xffn));
  }

  #text(value: string, lengthSize: number): void {
    const bytes = new TextEncoder().encode(value);
    if (bytes.includes(0)) throw new CortenError("invalid-argument", "a D-Bus string must not hold NUL");
    this.#number(bytes.length, lengthSize);
    this.#bytes.push(...bytes, 0);
  }

  #one(type: string, value: Value): void {
    const size = NUMBERS[type];
    if (size !== undefined) this.#number(value as number | bigint, size);
    else if (type === "b") this.#number(value === true ? 1 : 0, 4);
    else if (type === "s" || type === "o") this.#text(value as string, 4);
    else if (type === "g") this.#text(value as string, 1);
    else if (type === "v") {
      const { signature, value: inner } = value as Variant;
      this.#text(signature, 1);
      this.#one(signature, inner);
    } else if (type[0] === "(") {
      this.align(8);
      this.write(type.slice(1, -1), value as readonly Value[]);
    } else if (type[0] === "a") this.#array(type.slice(1), value as readonly Value[]);
    else throw new CortenError("internal", `the D-Bus type "${type}" is not written here`);
  }

  #array(type: string, values: readonly Value[]): void {
    this.#number(0, 4);
    const at = this.#bytes.length - 4;
    this.align(ALIGNMENT[type[0]!] ?? 1);
    const start = this.#bytes.length;
    for (const value of values) this.#one(type, value);
    const length = this.#bytes.length - start;
    for (let shift = 0; shift < 4; shift++) this.#bytes[at + shift] = (length >>> (shift * 8)) & 0xff;
  }
}

/** Reads values of the little-endian wire format; every length is checked against what is there. */
export class Reader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  align(to: number): void {
    this.#at = Math.ceil(this.#at / to) * to;
  }

  /** One value for each complete type of the signature. */
  read(signature: string, depth = 0): Value[] {
    return [...typesOf(signature)].map((type) => this.#one(type, depth));
  }

  #take(size: number): number {
    const at = this.#at;
    if (size > this.#bytes.length - at) throw broken("it ends early");
    this.#at += size;
    return at;
  }

  #text(length: number): string {
    const at = this.#take(length + 1);
    return new TextDecoder().decode(this.#bytes.subarray(at, at + length));
  }

  #one(type: string, depth: number): Value {
    if (depth > MAX_DEPTH) throw broken("it is nested too deeply");
    this.align(ALIGNMENT[type[0]!] ?? 1);
    switch (type[0]) {
      case "y":
        return this.#view.getUint8(this.#take(1));
      case "n":
        return this.#view.getInt16(this.#take(2), true);
      case "q":
        return this.#view.getUint16(this.#take(2), true);
      case "b":
        return this.#view.getUint32(this.#take(4), true) !== 0;
      case "i":
        return this.#view.getInt32(this.#take(4), true);
      case "u":
        return this.#view.getUint32(this.#take(4), true);
      case "x":
        return this.#view.getBigInt64(this.#take(8), true);
      case "t":
        return this.#view.getBigUint64(this.#take(8), true);
      case "d":
        return this.#view.getFloat64(this.#take(8), true);
      case "s":
      case "o":
        return this.#text(this.#view.getUint32(this.#take(4), true));
      case "g":
        return this.#text(this.#view.getUint8(this.#take(1)));
      case "v": {
        const signature = this.#text(this.#view.getUint8(this.#take(1)));
        if (signature === "" || firstType(signature) !== signature) throw broken("a variant of no one type");
        return { signature, value: this.#one(signature, depth + 1) };
      }
      case "(":
      case "{":
        return this.read(type.slice(1, -1), depth + 1);
      case "a":
        return this.#array(type.slice(1), depth + 1);
      default:
        throw broken(`the type "${type}"`);
    }
  }

  #array(type: string, depth: number): Value[] {
    const length = this.#view.getUint32(this.#take(4), true);
    this.align(ALIGNMENT[type[0]!] ?? 1);
    if (length > this.#bytes.length - this.#at) throw broken("an array is longer than the message");
    const end = this.#at + length;
    const values: Value[] = [];
    while (this.#at < end) values.push(this.#one(type, depth));
    return values;
  }
}
