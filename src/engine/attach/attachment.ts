import type { TerminalSize } from "../container-options.ts";

/** Bytes that the container wrote. */
export interface OutputChunk {
  readonly stream: "stdout" | "stderr";
  readonly data: Uint8Array;
}

/** How the container ended, as an attached client learns it. */
export interface AttachedExit {
  /** 128 + signal when a signal ended it. */
  readonly exitCode: number;
  /** 0 for none. */
  readonly signal: number;
}

/**
 * A connection to a running container's streams. Iterating yields what the container writes from the moment of
 * attaching, and ends when the container has ended or the monitor has let go. Dispose of it to detach.
 */
export interface Attachment extends AsyncDisposable, AsyncIterable<OutputChunk> {
  /** True when the container has a terminal: then everything comes as stdout. */
  readonly terminal: boolean;
  /** Sends bytes to stdin; resolves when the socket has taken them. Lost when the container's stdin is not open. */
  write(data: Uint8Array | string): Promise<void>;
  /** Closes the container's stdin, where it is a pipe. */
  closeStdin(): Promise<void>;
  resize(size: TerminalSize): Promise<void>;
  /** Sends a signal to the container's first process by its number. */
  signal(number: number): Promise<void>;
  /** How the container ended; null when the connection was lost before. Comes after the output: read that, too. */
  readonly exit: Promise<AttachedExit | null>;
}
