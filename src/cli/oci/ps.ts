import { execFileSync } from "node:child_process";
import { CortenError } from "../../spec/index.ts";
import { print } from "../terminal/stream.ts";
import type { OciCall, psOptions } from "./options.ts";
import { openRuntime } from "./runtime.ts";

/** `corten-oci ps ID [PS-OPTION...]`: the host's `ps`, reduced to the container's processes. */
export function run(call: OciCall<typeof psOptions>): number {
  const [id, ...words] = call.args;
  const pids = openRuntime(call).processes(id!);
  if (call.options.format === "json") {
    print(JSON.stringify(pids));
    return 0;
  }
  const table = execFileSync("ps", words.length > 0 ? words : ["-ef"], { encoding: "utf8" });
  for (const line of processLines(table, new Set(pids))) print(line);
  return 0;
}

/** The heading of a `ps` table and the lines of these processes, found by the column PID. */
export function processLines(table: string, pids: ReadonlySet<number>): string[] {
  const [heading = "", ...lines] = table.trimEnd().split("\n");
  const column = heading.trim().split(/\s+/).indexOf("PID");
  if (column < 0) throw new CortenError("invalid-argument", "the options of ps leave out the column PID");
  return [heading, ...lines.filter((line) => pids.has(Number(line.trim().split(/\s+/)[column])))];
}
