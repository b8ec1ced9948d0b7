import { passwordLine } from "../../../registry/index.ts";
import { CortenError } from "../../../spec/index.ts";
import { ask, readSecret } from "../../terminal/prompt.ts";
import { isTerminal, print } from "../../terminal/stream.ts";
import type { CortenCall } from "../table/globals.ts";
import type { passwordOptions } from "../table/registry.ts";

/** `corten registry password NAME`: a line for the htpasswd file. */
export async function run({ args, options }: CortenCall<typeof passwordOptions>): Promise<number> {
  const password = options["password-stdin"] || !isTerminal(0) ? await readSecret() : await askTwice();
  print(await passwordLine(args[0]!, password, options.cost));
  return 0;
}

async function askTwice(): Promise<string> {
  const password = await ask("Password: ", { secret: true });
  if (password === (await ask("Again: ", { secret: true }))) return password;
  throw new CortenError("invalid-argument", "the passwords differ");
}
