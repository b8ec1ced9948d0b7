/** Longest `Warning` value of all sentences together (distribution-spec, "Warnings"). */
const MAX_LENGTH = 4096;

/**
 * The values of `Warning` headers: `299 - "sentence"` each (distribution-spec, "Warnings"). Control
 * characters, which could end the header, and what is not ASCII become spaces; what does not fit is left out.
 */
export function warningHeader(sentences: readonly string[]): string[] {
  const values: string[] = [];
  let length = 0;
  for (const sentence of sentences) {
    const value = `299 - "${sentence.replace(/[^\x20-\x7e]+/g, " ").replace(/["\\]/g, "\\$&")}"`;
    if (length + value.length > MAX_LENGTH) continue;
    length += value.length;
    values.push(value);
  }
  return values;
}
