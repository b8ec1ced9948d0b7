import { selfCommand } from "../../host/index.ts";
import { Runtime } from "../../runtime/index.ts";
import type { OciCall } from "./options.ts";

/** The runtime with the state root of the command line. */
export function openRuntime({ globals }: Pick<OciCall, "globals">): Runtime {
  return new Runtime(globals.root === undefined ? {} : { root: globals.root });
}

/**
 * The same, for a start: when the executor fails it becomes `report-failure`, which logs where the caller
 * said; `more` are options of that.
 */
export function openLauncher(
  { globals }: Pick<OciCall, "globals">,
  id: string,
  kind: "create" | "run" | "exec" | "restore",
  more: readonly string[] = [],
): Runtime {
  const words = [...selfCommand(), "oci"];
  if (globals.root !== undefined) words.push("--root", globals.root);
  if (globals.log !== undefined) words.push("--log", globals.log);
  if (globals["log-level"] !== "info") words.push("--log-level", globals["log-level"]);
  words.push("--log-format", globals["log-format"], "report-failure", "--kind", kind, ...more, id);
  return new Runtime({ ...(globals.root === undefined ? {} : { root: globals.root }), onFailure: words });
}
