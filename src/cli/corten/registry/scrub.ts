import { openAttendedRegistry } from "../../../registry/index.ts";
import { print, printJson } from "../../terminal/stream.ts";
import { formatSize } from "../../terminal/units.ts";
import { parseFormat } from "../format.ts";
import { interruptible } from "../interruption.ts";
import type { CortenCall } from "../table/globals.ts";
import type { scrubOptions } from "../table/registry.ts";
import { warn } from "./collect.ts";
import { configOf } from "./config.ts";

/** `corten registry scrub`: ends with 1 when a blob is damaged. */
export async function run({ options, globals }: CortenCall<typeof scrubOptions>): Promise<number> {
  const config = await configOf(options.config, globals);
  const report = await interruptible(async (signal) => {
    await using registry = await openAttendedRegistry(config, warn);
    return await registry.scrub({ signal });
  });
  const { damages, blobs, bytes } = report;
  if (parseFormat(globals.format).kind === "json") {
    printJson(report);
  } else {
    for (const { kind, digest, key, repositories } of damages) {
      print(`${digest}: the bytes are ${kind} (${key}), out of use in ${repositories.join(", ")}`);
    }
    print(`${blobs} blobs (${formatSize(bytes)}) verified, ${damages.length} damaged`);
  }
  return damages.length === 0 ? 0 : 1;
}
