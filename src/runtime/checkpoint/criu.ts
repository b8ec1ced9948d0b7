import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findInPath } from "../../host/index.ts";
import { CortenError } from "../../spec/index.ts";

export const DUMP_LOG = "dump.log";
export const RESTORE_LOG = "restore.log";

/** The path of criu. @throws failed-precondition */
export function requireCriu(): string {
  const program = findInPath("criu");
  if (program !== undefined) return program;
  throw new CortenError("failed-precondition", "criu is not installed: checkpoint and restore are its work", {
    hint: "apt-get install criu; `corten doctor` tells whether it works with this kernel",
  });
}

/**
 * The page server of lazy pages wants a pipe of 4 MiB. criu 4.2 goes on without what it makes behind it when the kernel
 * refuses, and ends at the first page that is asked for, with the restored container.
 */
const PIPE_HINT = "criu serves pages with CAP_SYS_RESOURCE, or with sysctl fs.pipe-max-size=4194304";

/** What criu said went wrong: the first error of its log, which the later ones follow from, or of its output. */
export function criuFailure(what: string, directory: string, log: string, output: string): CortenError {
  const file = join(directory, log);
  let text = "";
  try {
    text = readFileSync(file, "utf8").slice(-4 * 1024 * 1024);
  } catch (error) {
    // It may have failed before it had a log.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  // criu's own errors name the place in its source; without CAP_SYS_RESOURCE one is of a limit that it can do without.
  const errorOf = (lines: string) =>
    /^.*?(Error \((?!.*RLIMIT_NOFILE for self).*)$/m.exec(lines)?.[1] ?? /^(Error.*)$/m.exec(lines)?.[1];
  const said = errorOf(text) ?? errorOf(output) ?? output.trim().slice(0, 500);
  const hint =
    text === "" ? "`corten doctor` tells whether criu works with this kernel" : `all of it is in ${file}`;
  return new CortenError("failed-precondition", `criu failed: ${what}: ${said || "it said nothing"}`, {
    hint: text.includes("Lazy pages transfer FAILED") ? `${PIPE_HINT}; ${hint}` : hint,
  });
}

/** What a talk with criu failed with: criu's own words where it was criu that failed. */
export function failureOf(error: CortenError, criuSaid: () => CortenError): CortenError {
  // Whoever interrupts it has no question.
  return error.operation === "followServant" && error.errno !== "EINTR" ? criuSaid() : error;
}
