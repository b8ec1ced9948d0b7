import { write } from "../terminal/stream.ts";
import { Log, type LogOptions } from "./log.ts";

/** Logs an error, with its stack where --debug asks for it; the hint is for people only. */
export function reportError(error: unknown, options: LogOptions): void {
  const { message, hint } = describe(error, options.debug === true);
  new Log(options).error(message);
  if (hint !== undefined && !options.log && options["log-format"] !== "json") write(2, `hint: ${hint}\n`);
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
