import { CortenError } from "../../spec/index.ts";
import { imageSettings } from "./image-settings.ts";
import type { OciCall, restoreOptions } from "./options.ts";
import { openRuntime } from "./runtime.ts";

/** `corten-oci restore ID` */
export async function run(call: OciCall<typeof restoreOptions>): Promise<number> {
  const { options } = call;
  if (!options.detach) {
    throw new CortenError("unimplemented", "restore in the foreground is not supported", {
      hint: "add --detach: a restored process is criu's child, whose exit code cannot be waited for",
    });
  }
  const { bundle, "pid-file": pidFile, "lsm-profile": lsmProfile } = options;
  const { "lsm-mount-context": lsmMountContext, "console-socket": consoleSocket } = options;
  await openRuntime(call).restore({
    ...imageSettings(options),
    id: call.args[0]!,
    ...(bundle === undefined ? {} : { bundle }),
    ...(pidFile === undefined ? {} : { pidFile }),
    ...(consoleSocket === undefined ? {} : { consoleSocket }),
    ...(lsmProfile === undefined ? {} : { lsmProfile }),
    ...(lsmMountContext === undefined ? {} : { lsmMountContext }),
  });
  return 0;
}
