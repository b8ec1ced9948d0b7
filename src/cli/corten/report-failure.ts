import { readFailure } from "../../runtime/index.ts";
import { CortenError } from "../../spec/index.ts";
import type { reportFailureOptions } from "./table/container-options.ts";
import type { CortenCall } from "./table/globals.ts";

/** What the executor and the attach client become when the command could not be started: tells why. */
export function run(call: CortenCall<typeof reportFailureOptions>): never {
  if (call.options.plain) process.env["NO_COLOR"] = "1";
  throw (
    readFailure(call.args[0]!) ??
    new CortenError("internal", "the container could not be started, and nothing says why")
  );
}
