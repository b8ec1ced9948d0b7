import { CortenError, DEFAULT_REGISTRY } from "../../../spec/index.ts";
import { loggedInUser, login } from "../../../transport/index.ts";
import { ask, readSecret } from "../../terminal/prompt.ts";
import { isTerminal, print } from "../../terminal/stream.ts";
import { interruptible } from "../interruption.ts";
import type { loginOptions } from "../table/account.ts";
import type { CortenCall } from "../table/globals.ts";
import { accessOf, registryAccess } from "../transfer/access.ts";

/** `corten login [REGISTRY]` */
export async function run({ args, options }: CortenCall<typeof loginOptions>): Promise<number> {
  const [server = DEFAULT_REGISTRY] = args;
  const notes: string[] = [];
  const { credentials: _, ...access } = registryAccess(
    {
      ...accessOf({}),
      authfile: options.authfile,
      "cert-dir": options["cert-dir"],
      "tls-verify": options["tls-verify"],
    },
    (note) => notes.push(note),
  );
  if (options["get-login"]) {
    const user = await loggedInUser(server, access);
    if (user === undefined) throw new CortenError("not-found", `nobody is logged in to ${server}`);
    print(user);
    return 0;
  }
  const username = options.username ?? (await answer("Username: ", "-u"));
  const password = await passwordOf(options);
  const place = await interruptible((signal) => login(server, { username, password }, { ...access, signal }));
  print(`Login Succeeded! The credentials are in ${place}`);
  return 0;
}

async function passwordOf({
  password,
  "password-stdin": fromStdin,
}: CortenCall<typeof loginOptions>["options"]): Promise<string> {
  if (password !== undefined && fromStdin) {
    throw new CortenError("invalid-argument", "--password and --password-stdin exclude each other");
  }
  const given = fromStdin
    ? await readSecret()
    : (password ?? (await answer("Password: ", "--password-stdin", true)));
  if (given === "") throw new CortenError("invalid-argument", "the password is empty");
  return given;
}

async function answer(question: string, option: string, secret = false): Promise<string> {
  if (isTerminal(0)) return ask(question, { secret });
  const what = question.replace(/: $/, "").toLowerCase();
  throw new CortenError("invalid-argument", `there is no terminal to ask for the ${what}`, {
    hint: `give it with ${option}`,
  });
}
