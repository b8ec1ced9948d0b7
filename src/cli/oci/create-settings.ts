import { readProcessStat } from "../../host/index.ts";
import type { CreateOptions } from "../../runtime/index.ts";
import { readActivation } from "./activation.ts";
import type { createOptions, OciCall } from "./options.ts";

/** The options that `create` and `run` share, as the runtime takes them. */
export function createSettings({ args, options, globals }: OciCall<typeof createOptions>): CreateOptions {
  const { bundle, config, "console-socket": consoleSocket, "pid-file": pidFile } = options;
  const { "pidfd-socket": pidfdSocket } = options;
  // The front door prepares a start in a child and becomes the executor itself.
  const maker = process.env["CORTEN_HANDOFF"] === undefined ? undefined : readProcessStat(process.ppid);
  return {
    id: args[0]!,
    ...(bundle === undefined ? {} : { bundle }),
    ...(config === undefined ? {} : { configFile: config }),
    ...(consoleSocket === undefined ? {} : { consoleSocket }),
    ...(pidfdSocket === undefined ? {} : { pidfdSocket }),
    ...(pidFile === undefined ? {} : { pidFile }),
    ...(globals["cgroup-manager"] === "disabled" ? { cgroupManager: "disabled" } : {}),
    ...(globals.rootless === "auto" ? {} : { rootless: globals.rootless === "true" }),
    noPivot: options["no-pivot"],
    noNewKeyring: options["no-new-keyring"],
    preserveFds: options["preserve-fds"],
    ...readActivation(process.env, maker?.pid ?? process.pid),
    ...(maker === undefined ? {} : { maker }),
  };
}
