import { CortenError } from "../../spec/index.ts";
import { readCommandLine } from "../command/dispatch.ts";
import { write } from "../terminal/stream.ts";
import { Log, type LogOptions } from "./log.ts";
import { type OciCall, program } from "./program.ts";

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
      log.error(outcome.message + (best === undefined ? "" : `; did you mean ${best}?`));
      const names = outcome.path.map(({ name }) => ` ${name}`).join("");
      write(2, `see: ${program.name}${names} --help\n`);
      return 1;
    }
    case "call":
      return run(outcome.call as OciCall, outcome.command.load!);
  }
}

async function run(
  call: OciCall,
  load: NonNullable<(typeof program.commands)[number]["load"]>,
): Promise<number> {
  const { globals } = call;
  const log = new Log(globals);
  try {
    if (globals["systemd-cgroup"]) throw refused("--systemd-cgroup", "cgroups are made through cgroupfs");
    if (globals.rootless === "true")
      throw refused("--rootless=true", "cgroups that may not be written are an error");
    return await (await load()).run(call);
  } catch (error) {
    const { message, hint } = describe(error, globals.debug);
    log.error(message);
    if (hint !== undefined && !globals.log && globals["log-format"] !== "json") write(2, `hint: ${hint}\n`);
    return 1;
  }
}

function refused(option: string, why: string): CortenError {
  return new CortenError("unimplemented", `${option} is not supported: ${why}`);
}

function describe(
  error: unknown,
  debug: boolean,
): { readonly message: string; readonly hint: string | undefined } {
  if (!(error instanceof Error)) return { message: String(error), hint: undefined };
  const hint = "hint" in error && typeof error.hint === "string" ? error.hint : undefined;
  return {
    message: debug && error.stack !== undefined ? `${error.message}\n${error.stack}` : error.message,
    hint,
  };
}
