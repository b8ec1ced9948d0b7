import { resolve } from "node:path";
import { CortenError } from "../../spec/index.ts";
import { become } from "./become.ts";
import { imageSettings } from "./image-settings.ts";
import type { OciCall, restoreOptions } from "./options.ts";
import { openLauncher } from "./runtime.ts";
import { inScope, wantsScope } from "./with-scope.ts";

/** `corten-oci restore ID` */
export async function run(call: OciCall<typeof restoreOptions>): Promise<never> {
  const { options } = call;
  const id = call.args[0]!;
  if (options["no-pivot"]) {
    throw new CortenError("unimplemented", "restore --no-pivot: criu enters the root by pivot_root alone");
  }
  const { bundle, detach, "pid-file": pidFile, "lsm-profile": lsmProfile } = options;
  const { "lsm-mount-context": lsmMountContext, "console-socket": consoleSocket } = options;
  const images = imageSettings(options);
  const log = ["--criu-log", resolve(images.workPath ?? images.imagePath)];
  const runtime = openLauncher(call, id, "restore", log);
  const settings = {
    ...images,
    ...{ id, detach, noSubreaper: options["no-subreaper"] },
    ...(bundle === undefined ? {} : { bundle }),
    ...(pidFile === undefined ? {} : { pidFile }),
    ...(consoleSocket === undefined ? {} : { consoleSocket }),
    ...(lsmProfile === undefined ? {} : { lsmProfile }),
    ...(lsmMountContext === undefined ? {} : { lsmMountContext }),
  };
  const launch = wantsScope(call)
    ? await inScope(runtime, settings, (all) => runtime.prepareRestore(all))
    : await runtime.prepareRestore(settings);
  return become(launch, call);
}
