import { readCommandLine } from "../command/dispatch.ts";
import { program } from "./program.ts";
import type { CortenCall } from "./table/globals.ts";

/** Runs `corten` with the words behind its name and returns the exit code. */
export async function main(line: readonly string[]): Promise<number> {
  const outcome = await readCommandLine(program, line, process.env);
  switch (outcome.kind) {
    case "version": {
      const { version } = await import("../version.ts");
      const { print } = await import("../terminal/stream.ts");
      print(`corten version ${version}`);
      return 0;
    }
    case "help": {
      const { printHelp } = await import("../command/print-help.ts");
      return printHelp(program, outcome.path);
    }
    case "mistake": {
      const { reportMistake } = await import("./failure.ts");
      return reportMistake(outcome);
    }
    case "call": {
      const { command } = outcome;
      const call = outcome.call as CortenCall;
      try {
        return await (await command.load!()).run(call);
      } catch (error) {
        const { reportError } = await import("./failure.ts");
        return reportError(error, command.failure ?? 1, call.globals.debug);
      }
    }
  }
}
