import type { ByteString } from "../byte-string.ts";
import { toBytes, toText } from "../byte-string.ts";
import { Crc64 } from "../crc64.ts";
import { FramedOutput } from "./framed-output.ts";

/**
 * Writes what a tar archive is but for the content of its files, in the format of tar-split: one JSON
 * object a line, segments of raw bytes and files with a checksum. With it, and the files, the very same
 * archive can be made again.
 */
export class TarSplit {
  readonly #output: FramedOutput;
  readonly #packed: Uint8Array[] = [];
  #size = 0;
  #position = 0;
  #segment: Uint8Array[] = [];
  #file: { readonly name: ByteString; readonly size: number; readonly checksum: Crc64 } | undefined;

  /** @param pack how it is packed, in pieces */
  constructor(pack: (bytes: Uint8Array) => Promise<Uint8Array>) {
    this.#output = new FramedOutput(pack);
  }

  /** Bytes of headers, padding or the archive's end. */
  async raw(bytes: Uint8Array): Promise<void> {
    await this.#endFile();
    this.#segment.push(Buffer.from(bytes));
  }

  /** A file whose header has just been given to {@link raw}. */
  async file(name: ByteString, size: number): Promise<void> {
    await this.#endSegment();
    this.#file = { name, size, checksum: new Crc64() };
  }

  /** Content of that file. */
  content(bytes: Uint8Array): void {
    this.#file?.checksum.update(bytes);
  }

  /** The whole of it, packed, and how long it is when unpacked. */
  async finish(): Promise<{ readonly packed: Uint8Array; readonly size: number }> {
    await this.#endFile();
    await this.#endSegment();
    for await (const bytes of this.#output.cut()) this.#packed.push(bytes);
    return { packed: Buffer.concat(this.#packed), size: this.#size };
  }

  async #endFile(): Promise<void> {
    if (this.#file === undefined) return;
    const { name, size, checksum } = this.#file;
    this.#file = undefined;
    const raw = toBytes(name);
    const text = toText(name);
    const named = Buffer.from(text, "utf8").equals(raw)
      ? { name: text }
      : { name_raw: raw.toString("base64") };
    const payload = size === 0 ? null : checksum.digest().toString("base64");
    await this.#line({ type: 1, ...named, ...(size === 0 ? {} : { size }), payload });
  }

  async #endSegment(): Promise<void> {
    if (this.#segment.length === 0) return;
    const bytes = Buffer.concat(this.#segment);
    this.#segment = [];
    await this.#line({ type: 2, payload: bytes.toString("base64") });
  }

  async #line(line: object): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify({ ...line, position: this.#position++ })}\n`);
    this.#size += bytes.length;
    for await (const packed of this.#output.add(bytes)) this.#packed.push(packed);
  }
}
