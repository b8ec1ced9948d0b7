import type { LogEntry } from "./entry.ts";

const SPACE = 0x20;
/** `2016-10-06T00:17:09.669794202Z`; other writers may give an offset or fewer digits. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/**
 * Reads one line of a log, without its line end: `TIME STREAM TAGS TEXT`, where TAGS are separated by colons and the first is P
 * or F. Returns undefined for a line that is none, such as one that a power cut has broken.
 */
export function parseEntry(line: Uint8Array): LogEntry | undefined {
  const first = line.indexOf(SPACE);
  const second = line.indexOf(SPACE, first + 1);
  const third = line.indexOf(SPACE, second + 1);
  if (first < 0 || second < 0 || third < 0 || third > 200) return undefined;
  const head = Buffer.from(line.buffer, line.byteOffset, third).toString("latin1");
  const [time = "", stream, tags = ""] = head.split(" ");
  const tag = tags.split(":", 1)[0];
  if (!TIME.test(time) || (stream !== "stdout" && stream !== "stderr") || (tag !== "P" && tag !== "F")) {
    return undefined;
  }
  return { stream, time, content: line.subarray(third + 1), partial: tag === "P" };
}
