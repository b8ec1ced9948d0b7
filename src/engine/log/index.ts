/**
 * What a container wrote, kept by corten-monitor in the format that Kubernetes defined for container
 * logs: one line an entry, `TIME STREAM TAG TEXT`, where the tag `P` marks a part of a line that goes
 * on in the next entry and `F` its end. A reader needs nothing of the process that wrote it.
 */

export type { LogEntry, LogOptions, LogStream } from "./entry.ts";
export type { LogSource } from "./read.ts";
export { readLog } from "./read.ts";
