import { type Engine, openEngine } from "../../engine/index.ts";
import { selfCommand } from "../../host/index.ts";
import type { CortenCall } from "./table/globals.ts";

/** Opens the engine on the directories that the command line names. */
export function openSession({ globals }: Pick<CortenCall, "globals">): Engine {
  const { root, "run-root": runRoot } = globals;
  const directories = [
    ...(root === undefined ? [] : ["--root", root]),
    ...(runRoot === undefined ? [] : ["--run-root", runRoot]),
  ];
  return openEngine({
    ...(root === undefined ? {} : { root }),
    ...(runRoot === undefined ? {} : { runRoot }),
    removeCommand: [...selfCommand(), ...directories, "remove-ended"],
  });
}
