import type { CreateOptions } from "../../runtime/index.ts";
import type { Values } from "../command/option.ts";
import type { createOptions } from "./program.ts";

/** The options that `create` and `run` share, as the runtime takes them. */
export function createSettings(id: string, options: Values<typeof createOptions>): CreateOptions {
  const { bundle, "console-socket": consoleSocket, "pid-file": pidFile } = options;
  return {
    id,
    ...(bundle === undefined ? {} : { bundle }),
    ...(consoleSocket === undefined ? {} : { consoleSocket }),
    ...(pidFile === undefined ? {} : { pidFile }),
    noPivot: options["no-pivot"],
    noNewKeyring: options["no-new-keyring"],
    preserveFds: options["preserve-fds"],
  };
}
