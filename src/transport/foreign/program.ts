import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { CortenError } from "../../spec/index.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const MAX_COMPLAINT = 16 * 1024;

/**
 * The first of `names` that is installed.
 *
 * @throws failed-precondition when none is
 */
export async function findProgram(names: readonly string[], environment: Environment): Promise<string> {
  const directories = (environment["PATH"] ?? "/usr/bin:/bin").split(delimiter).filter((part) => part !== "");
  for (const name of names) {
    for (const directory of directories) {
      if (await isExecutable(join(directory, name))) return name;
    }
  }
  throw new CortenError("failed-precondition", `${names.join(" or ")} is not installed`, {
    hint: "the store of another engine is reached by that engine's own program only",
  });
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false; // any reason counts: it cannot be called from there
  }
}

/**
 * Runs another engine's program to its end.
 *
 * @param what what it is to do, for the message
 * @throws failed-precondition with the end of what it complained about
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  what: string,
  options: { readonly environment: Environment; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { environment, signal } = options;
  const { status, complaint } = await new Promise<{ status: number | null; complaint: string }>(
    (resolve, reject) => {
      const child = spawn(program, args, {
        env: environment,
        stdio: ["ignore", "ignore", "pipe"],
        ...(signal === undefined ? {} : { signal }),
      });
      let text = "";
      child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
        text = (text + chunk).slice(-MAX_COMPLAINT);
      });
      child.on("error", reject);
      child.on("close", (code) => resolve({ status: code, complaint: text }));
    },
  ).catch((cause) => {
    signal?.throwIfAborted();
    throw new CortenError("failed-precondition", `${what}: cannot run ${program}: ${cause.message}`, {
      cause,
    });
  });
  if (status === 0) return;
  const words = complaint.replace(/[^\x20-\x7e]+/g, " ").trim();
  throw new CortenError("failed-precondition", `${what}: ${program} failed: ${words.slice(-600)}`);
}
