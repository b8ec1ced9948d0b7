import { spawn } from "node:child_process";
import { CortenError } from "../../spec/index.ts";
import type { Credentials } from "./options.ts";

const MAX_OUTPUT = 1024 * 1024;
const TIME_LIMIT = 60_000;
/** What a helper prints when it has nothing for the server; part of Docker's helper protocol. */
const NOT_FOUND = /credentials not found/i;

/**
 * Asks `docker-credential-<name> get` for the credentials of `server`.
 *
 * @returns undefined when the helper has none
 * @throws failed-precondition when the helper is missing or fails; nothing else is tried in its
 *   place, for another entry may belong to another registry (CVE-2021-41092)
 */
export async function askHelper(
  name: string,
  server: string,
  environment: Readonly<Record<string, string | undefined>>,
  signal?: AbortSignal,
): Promise<Credentials | undefined> {
  const output = await ask(name, "get", server, server, environment, signal);
  if (output === undefined) return undefined;
  let answer: { Username?: unknown; Secret?: unknown } | null;
  try {
    answer = JSON.parse(output);
  } catch (cause) {
    // The output may be a secret: it is not quoted.
    throw failed(name, server, "its answer is not JSON", cause);
  }
  const { Username: username, Secret: secret } = answer ?? {};
  if (typeof username !== "string" || typeof secret !== "string") {
    throw failed(name, server, "its answer has no Username and Secret");
  }
  if (username === "<token>") return { identityToken: secret };
  return username === "" && secret === "" ? undefined : { username, password: secret };
}

/** Gives credentials to `docker-credential-<name> store`. */
export async function tellHelper(
  name: string,
  server: string,
  { username, password }: { readonly username: string; readonly password: string },
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const input = JSON.stringify({ ServerURL: server, Username: username, Secret: password });
  await ask(name, "store", server, input, environment);
}

/** Has `docker-credential-<name> erase` forget the credentials of `server`; false when it had none. */
export async function clearHelper(
  name: string,
  server: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<boolean> {
  return (await ask(name, "erase", server, server, environment)) !== undefined;
}

/** What a helper prints; undefined when it has nothing for the server. */
async function ask(
  name: string,
  verb: "get" | "store" | "erase",
  server: string,
  input: string,
  environment: Readonly<Record<string, string | undefined>>,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name)) throw failed(name, server, "its name is not a file name");
  const answer = run(`docker-credential-${name}`, verb, input, environment, signal);
  const { status, output } = await answer.catch((error) => {
    signal?.throwIfAborted();
    throw failed(name, server, (error as Error).message, error);
  });
  if (status === 0) return output;
  if (NOT_FOUND.test(output)) return undefined;
  const shown = output.replace(/[^\x20-\x7e]+/g, " ").slice(0, 200);
  throw failed(name, server, `exit status ${status}: ${shown}`);
}

function run(
  program: string,
  verb: string,
  input: string,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal | undefined,
): Promise<{ status: number | null; output: string }> {
  // Not spawn's own time-out: where the program does not exist, Node leaves that timer running.
  const limit = AbortSignal.timeout(TIME_LIMIT);
  return new Promise((resolve, reject) => {
    const child = spawn(program, [verb], {
      env: environment,
      stdio: ["pipe", "pipe", "ignore"],
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
      killSignal: "SIGKILL",
    });
    let output = "";
    child.on("error", reject);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (output.length <= MAX_OUTPUT) return;
      child.kill("SIGKILL");
      child.stdout.destroy();
    });
    child.on("close", (status) => resolve({ status, output }));
    child.stdin.on("error", () => {
      // A helper may end without reading its input; its exit status says what happened.
    });
    child.stdin.end(input);
  });
}

function failed(name: string, server: string, why: string, cause?: unknown): CortenError {
  return new CortenError(
    "failed-precondition",
    `the credential helper docker-credential-${name} failed for ${server}: ${why}`,
    { cause, hint: "install the helper, or remove it from credHelpers or credsStore in the auth file" },
  );
}
