import { imageSettings } from "./image-settings.ts";
import type { checkpointOptions, OciCall } from "./options.ts";
import { openRuntime } from "./runtime.ts";

/** `corten-oci checkpoint ID` */
export async function run(call: OciCall<typeof checkpointOptions>): Promise<number> {
  const { options } = call;
  const { "parent-path": parentPath, "page-server": pageServer, "status-fd": statusFd } = options;
  await openRuntime(call).checkpoint(call.args[0]!, {
    ...imageSettings(options),
    ...(parentPath === undefined ? {} : { parentPath }),
    ...(pageServer === undefined ? {} : { pageServer }),
    ...(statusFd === undefined ? {} : { statusFd }),
    leaveRunning: options["leave-running"],
    tcpSkipInFlight: options["tcp-skip-in-flight"],
    linkRemap: options["link-remap"],
    preDump: options["pre-dump"],
  });
  return 0;
}
