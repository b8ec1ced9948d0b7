import { print } from "../../terminal/stream.ts";
import { become } from "../become.ts";
import { openSession } from "../session.ts";
import type { runOptions } from "../table/container-options.ts";
import type { CortenCall } from "../table/globals.ts";
import { containerSettings } from "./container-settings.ts";
import { demandTerminal } from "./process-settings.ts";
import { tellLimitations } from "./tell-limitations.ts";
import { withImage } from "./with-image.ts";

/** `corten run`: in the foreground this process becomes the container's supervisor. */
export async function run(call: CortenCall<typeof runOptions>): Promise<number> {
  const settings = containerSettings(call.options, call.args);
  if (call.options.detach) {
    await using engine = openSession(call);
    tellLimitations(engine);
    const container = await withImage(call, settings, (named) => engine.run(named));
    print(container.id);
    return 0;
  }
  demandTerminal(call.options);
  const engine = openSession(call);
  tellLimitations(engine);
  return become(await withImage(call, settings, (named) => engine.prepareRun(named)));
}
