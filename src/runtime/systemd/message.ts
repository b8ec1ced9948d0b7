import { CortenError } from "../../spec/index.ts";
import { MAX_MESSAGE, Reader, type Value, type Variant, Writer } from "./marshal.ts";

/** Kinds of messages (D-Bus specification, "Message Protocol"). */
export const MessageType = { call: 1, reply: 2, error: 3, signal: 4 } as const;

/** Header fields, by their codes. */
const FIELDS = {
  path: [1, "o"],
  interface: [2, "s"],
  member: [3, "s"],
  error: [4, "s"],
  replySerial: [5, "u"],
  destination: [6, "s"],
  sender: [7, "s"],
  signature: [8, "g"],
} as const;

export interface Message {
  readonly type: number;
  readonly serial: number;
  readonly path?: string;
  readonly interface?: string;
  readonly member?: string;
  readonly error?: string;
  readonly replySerial?: number;
  readonly destination?: string;
  readonly sender?: string;
  readonly signature?: string;
  readonly body: readonly Value[];
}

/** A message in the little-endian wire format. */
export function encodeMessage(message: Message): Uint8Array {
  const body = new Writer();
  body.write(message.signature ?? "", message.body);
  const fields = Object.entries(FIELDS).flatMap(([name, [code, signature]]) => {
    const value = message[name as keyof typeof FIELDS];
    return value === undefined ? [] : [[code, { signature, value } satisfies Variant] as const];
  });
  const header = new Writer();
  header.write("yyyyuua(yv)", [0x6c, message.type, 0, 1, body.bytes.length, message.serial, fields]);
  header.align(8);
  const [head, tail] = [header.bytes, body.bytes];
  const bytes = new Uint8Array(head.length + tail.length);
  bytes.set(head);
  bytes.set(tail, head.length);
  return bytes;
}

/**
 * The first message in `bytes` and its length; undefined while part of it is missing.
 *
 * @throws internal for one that is malformed, or longer than this program will ever need
 */
export function decodeMessage(
  bytes: Uint8Array,
): { readonly message: Message; readonly length: number } | undefined {
  if (bytes.length < 16) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes[0] !== 0x6c || bytes[3] !== 1) {
    throw new CortenError("internal", "a D-Bus message is not in the little-endian format of version 1");
  }
  const bodyLength = view.getUint32(4, true);
  const head = 16 + view.getUint32(12, true);
  const bodyAt = Math.ceil(head / 8) * 8;
  const length = bodyAt + bodyLength;
  if (length > MAX_MESSAGE) throw new CortenError("internal", `a D-Bus message has ${length} bytes`);
  if (bytes.length < length) return undefined;
  const [, type, , , , serial, list] = new Reader(bytes.subarray(0, bodyAt)).read("yyyyuua(yv)");
  const present = new Map((list as Array<[number, Variant]>).map(([code, { value }]) => [code, value]));
  const fields = Object.fromEntries(
    Object.entries(FIELDS).flatMap(([name, [code]]) =>
      present.has(code) ? [[name, present.get(code)!] as const] : [],
    ),
  ) as Partial<Message>;
  // Alignment counts from the message's beginning, and the body begins at a multiple of eight.
  const body = new Reader(bytes.subarray(bodyAt, length)).read(fields.signature ?? "");
  return { message: { ...fields, type: type as number, serial: serial as number, body }, length };
}
