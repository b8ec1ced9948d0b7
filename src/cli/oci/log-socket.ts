import { openDatagramSender } from "../../runtime/index.ts";
import type { Level } from "./log.ts";

/** Where a log goes that is not a file: `journald:NAME` or `syslog:NAME`. */
export interface LogSocket {
  readonly kind: "journald" | "syslog";
  /** What entries are filed under. */
  readonly name: string;
}

const PATHS = { journald: "/run/systemd/journal/socket", syslog: "/dev/log" } as const;

/** Severities of RFC 5424, which both protocols use. */
const SEVERITIES: Readonly<Record<Level, number>> = { error: 3, warning: 4, info: 6, debug: 7 };

const FACILITY_USER = 1;

/** Prepares to write entries to the socket; an entry that cannot be delivered is an error of the caller's command. */
export async function openLogSocket(
  { kind, name }: LogSocket,
  path: string = PATHS[kind],
): Promise<(level: Level, message: string) => void> {
  const send = await openDatagramSender();
  const encode = kind === "journald" ? journalEntry : syslogEntry;
  return (level, message) => send(path, encode(name, level, message));
}

/** systemd's native protocol: a text of several lines has its length in front. */
export function journalEntry(name: string, level: Level, message: string): Uint8Array {
  const text = Buffer.from(message);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const fields = `PRIORITY=${SEVERITIES[level]}\nSYSLOG_IDENTIFIER=${oneLine(name)}\nMESSAGE\n`;
  return Buffer.concat([Buffer.from(fields), length, text, Buffer.from("\n")]);
}

/** The form that a local syslog daemon reads (RFC 3164 without time and host, which it adds). */
export function syslogEntry(name: string, level: Level, message: string): Uint8Array {
  const priority = FACILITY_USER * 8 + SEVERITIES[level];
  return Buffer.from(`<${priority}>${oneLine(name)}[${process.pid}]: ${oneLine(message)}`);
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, " ");
}
