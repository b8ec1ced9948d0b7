/**
 * CRC-64 with the polynomial of ISO 3309, as tar-split has it of the content of files.
 *
 * That polynomial is x^64 + x^4 + x^3 + x + 1: what 32 bits leave behind when they are shifted out does not reach those
 * that follow within these 32 steps, so a word is taken at once by four shifts, and no table is needed.
 */
export class Crc64 {
  #high = -1;
  #low = -1;

  update(bytes: Uint8Array): void {
    let [high, low] = [this.#high, this.#low];
    const words = bytes.length - (bytes.length % 4);
    let i = 0;
    for (; i < words; i += 4) {
      const word = low ^ (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
      low = high ^ (word << 31) ^ (word << 29) ^ (word << 28);
      high = word ^ (word >>> 1) ^ (word >>> 3) ^ (word >>> 4);
    }
    for (; i < bytes.length; i++) {
      const byte = (low ^ bytes[i]!) & 0xff;
      low = (low >>> 8) | (high << 24);
      high = (high >>> 8) ^ (byte << 24) ^ (byte << 23) ^ (byte << 21) ^ (byte << 20);
    }
    this.#high = high;
    this.#low = low;
  }

  /** Eight bytes, the highest first. */
  digest(): Buffer {
    const bytes = Buffer.alloc(8);
    bytes.writeInt32BE(~this.#high, 0);
    bytes.writeInt32BE(~this.#low, 4);
    return bytes;
  }
}
