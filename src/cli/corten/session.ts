import { type Engine, openEngine } from "../../engine/index.ts";
import { selfCommand } from "../../host/index.ts";
import { wantsColour } from "../terminal/style.ts";
import type { CortenCall } from "./table/globals.ts";

/** Opens the engine on the directories that the command line names. */
export function openSession({ globals }: Pick<CortenCall, "globals">): Engine {
  const { root, "run-root": runRoot, "share-layers": share } = globals;
  const directories = [
    ...(root === undefined ? [] : ["--root", root]),
    ...(runRoot === undefined ? [] : ["--run-root", runRoot]),
    ...(share === "auto" ? [] : ["--share-layers", share]),
  ];
  const self = [...selfCommand(), ...directories];
  return openEngine({
    ...(root === undefined ? {} : { root }),
    ...(runRoot === undefined ? {} : { runRoot }),
    ...(share === "auto" ? {} : { shareLayers: share === "always" }),
    removeCommand: [...self, "remove-ended"],
    // The environment does not reach that process, and with it the wish for plain text.
    failureCommand: [...self, "report-failure", ...(wantsColour(true, process.env) ? [] : ["--plain"])],
  });
}
