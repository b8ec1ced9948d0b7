import { readFailure } from "../../runtime/index.ts";
import { CortenError } from "../../spec/index.ts";
import { reportError } from "./failure.ts";
import { Log } from "./log.ts";
import { EXEC_FAILURE, type OciCall, type reportFailureOptions } from "./options.ts";
import { openRuntime } from "./runtime.ts";

/**
 * The executor's last act after a failure: it becomes this command. A container that was being made is
 * removed, and the failure is logged as every other error is, with runc's words in front.
 */
export async function run(call: OciCall<typeof reportFailureOptions>): Promise<number> {
  const [id, file] = call.args;
  const { kind, "criu-log": criuLog } = call.options;
  const runtime = openRuntime(call);
  const failure =
    readFailure(file!) ??
    new CortenError("internal", `the start of container "${id}" failed and left no reason`);
  if (kind === "create" || kind === "run" || kind === "restore") await runtime.delete(id!, { force: true });
  // A log has them already.
  const log = new Log(call.globals);
  if (call.globals.log === undefined) for (const warning of call.options.warning) log.warning(warning);
  reportError(criuLog === undefined ? failure : await runtime.explainRestore(failure, criuLog), call.globals);
  return kind === "exec" ? EXEC_FAILURE : 1;
}
