/** The reversed polynomial of ISO 3309, 0xd800000000000000, whose lower half is zero. */
const POLYNOMIAL = 0xd8000000;

const HIGH = new Uint32Array(256);
const LOW = new Uint32Array(256);
for (let index = 0; index < 256; index++) {
  let [high, low] = [0, index];
  for (let bit = 0; bit < 8; bit++) {
    const odd = low & 1;
    low = ((low >>> 1) | (high << 31)) >>> 0;
    high >>>= 1;
    if (odd === 1) high = (high ^ POLYNOMIAL) >>> 0;
  }
  HIGH[index] = high;
  LOW[index] = low;
}

/** CRC-64 with the polynomial of ISO 3309, as tar-split has it of the content of files. */
export class Crc64 {
  #high = 0xffff_ffff;
  #low = 0xffff_ffff;

  update(bytes: Uint8Array): void {
    let [high, low] = [this.#high, this.#low];
    for (let i = 0; i < bytes.length; i++) {
      const index = (low ^ bytes[i]!) & 0xff;
      low = (((low >>> 8) | (high << 24)) ^ LOW[index]!) >>> 0;
      high = ((high >>> 8) ^ HIGH[index]!) >>> 0;
    }
    this.#high = high;
    this.#low = low;
  }

  /** Eight bytes, the highest first. */
  digest(): Buffer {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32BE(~this.#high >>> 0, 0);
    bytes.writeUInt32BE(~this.#low >>> 0, 4);
    return bytes;
  }
}
