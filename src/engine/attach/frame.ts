import { CortenError } from "../../spec/index.ts";

/**
 * Frame types of `attach.sock`; `native/monitor/protocol.h` says what each one carries. A frame is one byte of
 * type, three of zero, the payload's length as a 32-bit big-endian number, the payload.
 */
export const FrameType = {
  stdin: 0,
  close: 1,
  resize: 2,
  signal: 3,
  lossless: 4,
  hello: 16,
  stdout: 17,
  stderr: 18,
  exit: 19,
  failed: 20,
} as const;

/** Largest payload of a frame. */
export const MAX_FRAME = 16_384;

const HEADER_SIZE = 8;

export interface Frame {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** Encodes one frame. @throws invalid-argument for a payload of more than {@link MAX_FRAME} bytes */
export function encodeFrame(type: number, payload: Uint8Array = new Uint8Array()): Uint8Array {
  if (payload.length > MAX_FRAME) {
    throw new CortenError(
      "invalid-argument",
      `a frame of ${payload.length} bytes is larger than ${MAX_FRAME}`,
    );
  }
  const frame = new Uint8Array(HEADER_SIZE + payload.length);
  frame[0] = type;
  new DataView(frame.buffer).setUint32(4, payload.length);
  frame.set(payload, HEADER_SIZE);
  return frame;
}

/** Cuts a byte stream into frames, whatever pieces it comes in. */
export class FrameDecoder {
  #rest: Uint8Array = new Uint8Array();

  /**
   * Takes the next piece; returns the frames that are now whole.
   *
   * @throws data-loss for a malformed header
   */
  push(piece: Uint8Array): Frame[] {
    const bytes = this.#rest.length === 0 ? piece : joined(this.#rest, piece);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const frames: Frame[] = [];
    let at = 0;
    while (bytes.length - at >= HEADER_SIZE) {
      const length = view.getUint32(at + 4);
      if (length > MAX_FRAME || bytes[at + 1] !== 0 || bytes[at + 2] !== 0 || bytes[at + 3] !== 0) {
        throw new CortenError("data-loss", "the monitor sent a malformed frame");
      }
      const end = at + HEADER_SIZE + length;
      if (end > bytes.length) break;
      frames.push({ type: bytes[at]!, payload: new Uint8Array(bytes.subarray(at + HEADER_SIZE, end)) });
      at = end;
    }
    this.#rest = new Uint8Array(bytes.subarray(at));
    return frames;
  }
}

function joined(left: Uint8Array, right: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(left.length + right.length);
  bytes.set(left);
  bytes.set(right, left.length);
  return bytes;
}
