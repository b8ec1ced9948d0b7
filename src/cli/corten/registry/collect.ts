import { openAttendedRegistry } from "../../../registry/index.ts";
import { print, printJson, write } from "../../terminal/stream.ts";
import { formatSize } from "../../terminal/units.ts";
import { parseFormat } from "../format.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import type { collectOptions } from "../table/registry.ts";
import { configOf } from "./config.ts";

/** `corten registry collect`: what servers do from time to time, now. */
export async function run({ options, globals }: CortenCall<typeof collectOptions>): Promise<number> {
  const config = await configOf(options.config, globals);
  const dryRun = options["dry-run"];
  const report = await interruptible(async (signal) => {
    await using registry = await openAttendedRegistry(config, warn);
    return await registry.collect({ dryRun, signal });
  });
  if (parseFormat(globals.format).kind === "json") {
    printJson(report);
    return 0;
  }
  for (const { kind, repository, reference } of report.expired) {
    const name = `${repository}${reference.includes(":") ? "@" : ":"}${reference}`;
    print(`${dryRun ? "would remove" : "removed"} ${kind} ${name}`);
  }
  if (dryRun) return 0;
  const { uploads, blobs, bytes, unknownFiles } = report;
  print(
    `${uploads} uploads ended, ${blobs} blobs (${formatSize(bytes)}) and ${unknownFiles} unknown files removed`,
  );
  return 0;
}

export function warn(error: unknown): void {
  write(2, `corten: ${error instanceof Error ? error.message : String(error)}\n`);
}
