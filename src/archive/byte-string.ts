/**
 * Names in an archive are bytes, not text: a layer made on a Latin-1 system, or by an attacker,
 * holds names that are no valid UTF-8, and decoding them would merge different files into one.
 * A {@link ByteString} keeps them without loss: a JavaScript string in which every character
 * stands for one byte (U+0000 to U+00FF), so that it works as a map key and compares in byte order.
 * An ASCII name is its own byte string.
 */
export type ByteString = string;

/** The byte string of `text` in UTF-8: `"é"` becomes the two characters `"\u00c3\u00a9"`. */
export function toByteString(text: string): ByteString {
  return isAscii(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

/** The text that `name` spells in UTF-8; bytes that are no UTF-8 become U+FFFD. For messages and display. */
export function toText(name: ByteString): string {
  return isAscii(name) ? name : Buffer.from(name, "latin1").toString("utf8");
}

/** `name` for an error message: quoted, control characters escaped, long names cut. */
export function quoteName(name: ByteString): string {
  const shown = name.length > 200 ? `${name.slice(0, 200)}…` : name;
  return JSON.stringify(toText(shown));
}

/** The bytes of `name`. */
export function toBytes(name: ByteString): Buffer {
  return Buffer.from(name, "latin1");
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
