import type { TerminalSize } from "../container-options.ts";

/** Bytes that the container wrote. */
export interface OutputChunk {
  readonly stream: "stdout" | "stderr";
  readonly data: Uint8Array;
}

/** A connection to a running container's streams. Iterating ends when the container has ended or let go of it. */
export interface Attachment extends AsyncDisposable, AsyncIterable<OutputChunk> {
  /** Sends bytes to stdin; resolves when they are taken over. */
  write(data: Uint8Array | string): Promise<void>;
  /** Closes the container's stdin, where it is a pipe. */
  closeStdin(): Promise<void>;
  resize(size: TerminalSize): Promise<void>;
  /** The exit code and signal once the output has ended; null when the connection was lost before. */
  readonly exit: Promise<{ readonly exitCode: number; readonly signal: number } | null>;
}
