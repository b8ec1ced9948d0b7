import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { programs, requireProgram } from "../../host/index.ts";
import { CortenError } from "../../spec/index.ts";
import { compileUnpack } from "../plan/compile-unpack.ts";
import { encodePlan } from "../plan/encode.ts";
import { readFailure } from "./failure.ts";

export interface UnpackOptions {
  /** The executor. Default: that of this installation. */
  readonly executor?: string;
  readonly signal?: AbortSignal;
}

/**
 * Writes a stream (`streamHead`, `encodeStreamEntry`) below a directory through the executor, which resolves every path
 * inside of it. The directory's parent must be writable; nobody else may reach the directory meanwhile.
 *
 * @throws what the executor reports, naming the entry; what was written until then stays
 */
export async function unpackStream(
  directory: string,
  stream: Iterable<Uint8Array>,
  { executor = programs().init, signal }: UnpackOptions = {},
): Promise<void> {
  signal?.throwIfAborted();
  // Loaded here: a start of a container has no use for them.
  const [{ spawn }, { once }] = await Promise.all([import("node:child_process"), import("node:events")]);
  const scratch = mkdtempSync(join(dirname(directory), ".unpack-"));
  try {
    const failureFile = join(scratch, "failure");
    const plan = join(scratch, "plan");
    writeFileSync(plan, encodePlan(compileUnpack({ directory, failureFile })), { mode: 0o600, flag: "wx" });
    const child = spawn(requireProgram(executor), [plan], {
      argv0: "corten-init",
      env: {},
      stdio: ["pipe", "ignore", "pipe"],
      ...(signal === undefined ? {} : { signal, killSignal: "SIGTERM" as const }),
    });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4096);
    });
    // The executor stops reading at the first entry that fails; its record tells why.
    child.stdin.on("error", () => child.stdin.destroy());
    for (const bytes of stream) {
      if (child.stdin.destroyed) break;
      if (!child.stdin.write(bytes)) await Promise.race([once(child.stdin, "drain"), ended]);
    }
    child.stdin.end();
    const code = await ended;
    if (code === 0) return;
    throw (
      readFailure(failureFile) ??
      new CortenError("internal", `the executor ended with ${code} while it unpacked: ${said.trim()}`)
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
