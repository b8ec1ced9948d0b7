import { print } from "../../terminal/stream.ts";
import { openSession } from "../session.ts";
import type { createOptions } from "../table/container-options.ts";
import type { CortenCall } from "../table/globals.ts";
import { containerSettings } from "./container-settings.ts";
import { withImage } from "./with-image.ts";

/** `corten create` */
export async function run(call: CortenCall<typeof createOptions>): Promise<number> {
  const settings = containerSettings(call.options, call.args);
  await using engine = openSession(call);
  const container = await withImage(call, settings, (named) => engine.create(named));
  print(container.id);
  return 0;
}
