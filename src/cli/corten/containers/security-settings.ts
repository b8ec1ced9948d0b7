import { readFileSync, statSync } from "node:fs";
import type { ContainerOptions, DockerProfile } from "../../../engine/index.ts";
import { CortenError } from "../../../spec/index.ts";

/** Far above any profile in use; what is larger is the wrong file. */
const MAX_PROFILE_BYTES = 1 << 20;

/** The values of --security-opt; the last of each kind counts. @throws for what is unknown or cannot be read */
export function securitySettings(
  list: readonly string[],
): Pick<ContainerOptions, "noNewPrivileges" | "seccomp"> {
  let noNewPrivileges = false;
  let seccomp: ContainerOptions["seccomp"];
  for (const text of list) {
    const flag = /^no-new-privileges(?:[=:](true|false))?$/.exec(text);
    const profile = /^seccomp[=:](.+)$/s.exec(text)?.[1];
    if (flag !== null) noNewPrivileges = flag[1] !== "false";
    else if (profile !== undefined) seccomp = profile === "unconfined" ? profile : readProfile(profile);
    else throw new CortenError("unimplemented", `the security option "${text}" is not supported`);
  }
  return { noNewPrivileges, ...(seccomp === undefined ? {} : { seccomp }) };
}

/** A profile as `linux.seccomp` of config.json has it, or of Docker's format; the engine checks what is in it. */
function readProfile(file: string): DockerProfile {
  const value = parse(readText(file), file);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new CortenError("invalid-argument", `the seccomp profile ${file} is no JSON object`);
  }
  return value as DockerProfile;
}

function readText(file: string): string {
  try {
    const stat = statSync(file);
    if (stat.isFile() && stat.size <= MAX_PROFILE_BYTES) return readFileSync(file, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CortenError(
      code === "ENOENT" ? "not-found" : "permission-denied",
      `cannot read the seccomp profile ${file}: ${code}`,
      { cause },
    );
  }
  throw new CortenError("invalid-argument", `the seccomp profile ${file} is no file of at most 1 MiB`);
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CortenError("invalid-argument", `the seccomp profile ${file} is no JSON`, { cause });
  }
}
