import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { repository } from "../../support/index.ts";

/** The static program of probe.c, compiled when it is older than its source. Returns its path. */
export function probe(): string {
  const source = join(import.meta.dirname, "probe.c");
  const program = join(repository, "dist/cve/probe");
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return program;
  mkdirSync(join(repository, "dist/cve"), { recursive: true });
  const made = `${program}.${process.pid}`;
  execFileSync("cc", ["-static", "-O1", "-Wall", "-Wextra", "-o", made, source], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  renameSync(made, program);
  return program;
}
