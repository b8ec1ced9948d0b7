import { join } from "node:path";
import { attack, type Case } from "./harness/index.ts";

const console =
  (name: string, readonly: boolean): Case =>
  async (lab) => {
    lab.link("dev/console", join(lab.canary.path, name));
    await lab.runInTerminal(["true"], (config) => {
      config.root["readonly"] = readonly;
      config.mounts = config.mounts.filter(({ destination }) => destination !== "/dev");
    });
  };

attack({
  ids: ["CVE-2026-88264"],
  mechanism: "/dev/console of the image is a link: a file of root's is made on the host",
  immune:
    "the console's name is resolved below the descriptor of /dev, by openat2(RESOLVE_IN_ROOT) (bindConsole in src/runtime/plan/terminal.ts)",
  cases: {
    "a link to a file that is not there": console("made", false),
    "so with a read-only root": console("made", true),
    "a link to a file of the host": console("secret", false),
    "a link to a directory of the host": console("directory", true),
  },
});
