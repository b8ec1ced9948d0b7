import { describeMirrorReport, mirrorNow } from "../../../registry/index.ts";
import { print, printJson, write } from "../../terminal/stream.ts";
import { parseFormat } from "../format.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import type { mirrorOptions } from "../table/registry.ts";
import { warn } from "./collect.ts";
import { configOf } from "./config.ts";

/** `corten registry mirror [NAME...]`: copies now what servers copy on schedule; 1 when something was not copied. */
export async function run({ args, options, globals }: CortenCall<typeof mirrorOptions>): Promise<number> {
  const config = await configOf(options.config, globals);
  const reports = await interruptible((signal) =>
    mirrorNow(config, { names: args, signal, onFailure: warn }),
  );
  if (parseFormat(globals.format).kind === "json") printJson(reports);
  else {
    for (const report of reports) {
      print(describeMirrorReport({ ...report, failures: [] }));
      for (const { image, error } of report.failures) write(2, `corten: ${image}: ${error}\n`);
    }
  }
  return reports.some(({ failures }) => failures.length > 0) ? 1 : 0;
}
