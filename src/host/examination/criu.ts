import { findInPath } from "../program-in-path.ts";
import type { Finding } from "./finding.ts";

const TIMEOUT = 20_000;

/** Checkpoint and restore: asks criu itself, which knows best what it needs of a kernel. */
export async function examineCriu(uid: number): Promise<Finding> {
  const subject = { group: "programs", name: "checkpoint and restore (criu)", needed: false };
  const without = "everything but checkpoint and restore";
  const program = findInPath("criu");
  if (program === undefined) {
    return { ...subject, works: false, detail: "none", without, remedy: "apt-get install criu" };
  }
  const { spawnSync } = await import("node:child_process");
  const args = uid === 0 ? ["check"] : ["check", "--unprivileged"];
  const { status, stderr, stdout } = spawnSync(program, args, {
    timeout: TIMEOUT,
    encoding: "utf8",
    maxBuffer: 256 * 1024,
  });
  if (status === 0) return { ...subject, works: true, detail: program };
  const lines = `${stderr ?? ""}${stdout ?? ""}`.split("\n");
  const said = lines.find((line) => line.startsWith("Error"))?.trim() ?? `criu check ended with ${status}`;
  return {
    ...subject,
    ...{ works: false, detail: said.slice(0, 200), without },
    remedy: "a criu that is as new as the kernel, and CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE",
  };
}
