import { isCortenError } from "../../spec/index.ts";
import { print } from "../terminal/stream.ts";
import { printError } from "./failure.ts";

/**
 * Does the same to each argument, all at once, and prints what each gives, in order. One that fails is reported and
 * does not keep the others from being done; the exit code is then 1.
 */
export async function forEachArgument(
  args: readonly string[],
  action: (argument: string) => Promise<string | undefined>,
): Promise<number> {
  let code = 0;
  const results = await Promise.allSettled(args.map(action));
  for (const result of results) {
    if (result.status === "fulfilled") {
      if (result.value !== undefined) print(result.value);
    } else {
      if (!isCortenError(result.reason)) throw result.reason;
      printError(result.reason.message, result.reason.hint);
      code = 1;
    }
  }
  return code;
}
