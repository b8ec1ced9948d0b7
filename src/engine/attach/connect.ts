import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { CortenError } from "../../spec/index.ts";
import type { TerminalSize } from "../container-options.ts";
import type { AttachedExit, Attachment, OutputChunk } from "./attachment.ts";
import { encodeFrame, type Frame, FrameDecoder, FrameType, MAX_FRAME } from "./frame.ts";

export interface ConnectOptions {
  /** Never be dropped: when this client does not read, the container's writes wait. Default: false. */
  readonly lossless?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Attaches to the container whose volatile directory is `directory`.
 *
 * @throws failed-precondition when nobody serves it
 */
export async function connectAttachment(
  directory: string,
  options: ConnectOptions = {},
): Promise<Attachment> {
  options.signal?.throwIfAborted();
  const { connect } = await import("node:net");
  // A socket address holds 107 bytes, a directory's path may be longer: its descriptor is a short name for it.
  const handle = openSync(directory, "r");
  const connection = new MonitorConnection(connect(join(`/proc/self/fd/${handle}`, "attach.sock")), options);
  try {
    await connection.ready;
    return connection;
  } catch (cause) {
    throw new CortenError("failed-precondition", `cannot attach through ${directory}`, {
      cause,
      hint: "the container does not run, or its monitor was killed",
    });
  } finally {
    closeSync(handle);
  }
}

class MonitorConnection implements Attachment {
  readonly ready: Promise<void>;
  readonly exit: Promise<AttachedExit | null>;
  terminal = false;
  readonly #socket: import("node:net").Socket;
  readonly #decoder = new FrameDecoder();
  readonly #exit = Promise.withResolvers<AttachedExit | null>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #output: OutputChunk[] = [];
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(socket: import("node:net").Socket, options: ConnectOptions) {
    this.#socket = socket;
    this.ready = this.#ready.promise;
    this.exit = this.#exit.promise;
    socket.on("connect", () => {
      if (options.lossless === true) socket.write(encodeFrame(FrameType.lossless));
    });
    socket.on("data", (piece: Buffer) => this.#receive(piece));
    socket.on("error", (error) => this.#ready.reject(error));
    socket.on("close", () => this.#end(null));
    options.signal?.addEventListener("abort", () => socket.destroy(), { once: true });
  }

  async write(data: Uint8Array | string): Promise<void> {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    for (let at = 0; at < bytes.length; at += MAX_FRAME) {
      await this.#send(FrameType.stdin, bytes.subarray(at, at + MAX_FRAME));
    }
  }

  closeStdin(): Promise<void> {
    return this.#send(FrameType.close);
  }

  resize({ rows, columns }: TerminalSize): Promise<void> {
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint16(0, rows);
    new DataView(payload.buffer).setUint16(2, columns);
    return this.#send(FrameType.resize, payload);
  }

  signal(number: number): Promise<void> {
    return this.#send(FrameType.signal, new Uint8Array([number]));
  }

  async *[Symbol.asyncIterator](): AsyncIterator<OutputChunk> {
    for (;;) {
      const chunk = this.#output.shift();
      if (chunk !== undefined) {
        yield chunk;
        continue;
      }
      if (this.#ended) return;
      this.#socket.resume();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    await this.exit;
  }

  #send(type: number, payload?: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(encodeFrame(type, payload), (error) => {
        // The container's end closes the connection under a writer; `exit` tells the story.
        if (error && !this.#ended) reject(error);
        else resolve();
      });
    });
  }

  #receive(piece: Uint8Array): void {
    let frames: Frame[];
    try {
      frames = this.#decoder.push(piece);
    } catch (error) {
      this.#socket.destroy(error as Error);
      return;
    }
    for (const frame of frames) this.#take(frame);
    // What nobody reads yet stays in the socket, whose sender has its own limit.
    if (this.#output.length > 64) this.#socket.pause();
    this.#notify();
  }

  #take({ type, payload }: Frame): void {
    if (type === FrameType.hello) {
      this.terminal = payload[1] === 1;
      this.#ready.resolve();
    } else if (type === FrameType.stdout || type === FrameType.stderr) {
      this.#output.push({ stream: type === FrameType.stdout ? "stdout" : "stderr", data: payload });
    } else if (type === FrameType.exit) {
      this.#end({ exitCode: payload[0]!, signal: payload[1]! });
    }
  }

  #end(exit: AttachedExit | null): void {
    this.#ended = true;
    this.#exit.resolve(exit);
    this.#ready.reject(new CortenError("unavailable", "the monitor closed the connection"));
    this.#notify();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
