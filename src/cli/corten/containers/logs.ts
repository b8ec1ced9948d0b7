import type { LogEntry, LogOptions } from "../../../engine/index.ts";
import { CortenError } from "../../../spec/index.ts";
import { write } from "../../terminal/stream.ts";
import { parseMoment } from "../../terminal/units.ts";
import { openSession } from "../session.ts";
import type { logsOptions } from "../table/container-options.ts";
import type { CortenCall } from "../table/globals.ts";

/** `corten logs`: stdout to stdout, stderr to stderr. */
export async function run(call: CortenCall<typeof logsOptions>): Promise<number> {
  const { follow, timestamps } = call.options;
  await using engine = openSession(call);
  const tail = lineCount(call.options.tail);
  const since = moment("--since", call.options.since);
  const until = moment("--until", call.options.until);
  const options: LogOptions = {
    follow,
    ...(tail === undefined ? {} : { tail }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
  const inLine = { stdout: false, stderr: false };
  for await (const entry of engine.logs(call.args[0]!, options)) {
    write(entry.stream === "stdout" ? 1 : 2, formatEntry(entry, timestamps && !inLine[entry.stream]));
    inLine[entry.stream] = entry.partial;
  }
  return 0;
}

function formatEntry({ time, content, partial }: LogEntry, stamped: boolean): Uint8Array {
  return Buffer.concat([Buffer.from(stamped ? `${time} ` : ""), content, Buffer.from(partial ? "" : "\n")]);
}

function lineCount(text: string): number | undefined {
  if (text === "all") return undefined;
  const count = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(count))
    throw new CortenError("invalid-argument", `invalid value "${text}" for --tail: a number or all`);
  return count;
}

function moment(option: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const time = parseMoment(text);
  if (time) return time;
  throw new CortenError("invalid-argument", `invalid value "${text}" for ${option}`, {
    hint: "a time such as 2026-01-31T12:00:00Z, seconds since 1970, or a duration before now such as 10m",
  });
}
