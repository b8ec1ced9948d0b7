/** Which of the container's outputs; a terminal has only stdout. */
export type LogStream = "stdout" | "stderr";

/** One line, or a part of one, as the container wrote it. */
export interface LogEntry {
  readonly stream: LogStream;
  /** RFC 3339 with nanoseconds, UTC, as recorded. */
  readonly time: string;
  /** The bytes of the line without the line end. */
  readonly content: Uint8Array;
  /** True when the line goes on in the next entry of the same stream; no line end is to be printed. */
  readonly partial: boolean;
}

export interface LogOptions {
  readonly signal?: AbortSignal;
  /** Wait for more until the container ends. */
  readonly follow?: boolean;
  /** Only the last so many lines. */
  readonly tail?: number;
  /** Only entries at or after this time. */
  readonly since?: Date;
  /** Only entries before this time. */
  readonly until?: Date;
  /** Only these streams. Default: both. */
  readonly streams?: readonly LogStream[];
}
