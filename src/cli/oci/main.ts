import type { Command } from "../command/command.ts";
import { readCommandLine } from "../command/dispatch.ts";
import { write } from "../terminal/stream.ts";
import { reportError } from "./failure.ts";
import { Log, type LogOptions, prepareLog } from "./log.ts";
import type { OciCall } from "./options.ts";
import { program } from "./program.ts";

/** Runs `corten-oci` with the words behind its name and returns the exit code. */
export async function main(line: readonly string[]): Promise<number> {
  const outcome = await readCommandLine(program, line, process.env);
  switch (outcome.kind) {
    case "version":
      return (await import("./version.ts")).printVersion();
    case "help": {
      const { printHelp } = await import("../command/print-help.ts");
      return printHelp(program, outcome.path);
    }
    case "mistake": {
      const log = new Log(outcome.globals as LogOptions);
      const [best] = outcome.suggestions;
      // The log puts the program's name in front by itself.
      const message = outcome.message.replace(`${program.name}: `, "");
      log.error(message + (best === undefined ? "" : `; did you mean ${best}?`));
      const names = outcome.path.map(({ name }) => ` ${name}`).join("");
      write(2, `see: ${program.name}${names} --help\n`);
      return 1;
    }
    case "call":
      return run(outcome.call as OciCall, outcome.command);
  }
}

async function run(call: OciCall, { load, failure = 1 }: Command): Promise<number> {
  const { globals } = call;
  try {
    await prepareLog(globals);
    return await (await load!()).run(call);
  } catch (error) {
    reportError(error, globals);
    return failure;
  }
}
