import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

/** A runtime found on this machine. */
export interface FoundRuntime {
  readonly name: string;
  readonly path: string;
  /** From the first line of what `--version` prints; null when it does not answer. */
  readonly version: string | null;
  readonly kind: "oci" | "shim" | "virtual machine";
}

/** Low-level runtimes to look for. Kata has no OCI command line: its shim is what containerd calls. */
const known: readonly Pick<FoundRuntime, "name" | "kind">[] = [
  { name: "runc", kind: "oci" },
  { name: "crun", kind: "oci" },
  { name: "youki", kind: "oci" },
  { name: "runsc", kind: "oci" },
  { name: "sysbox-runc", kind: "oci" },
  { name: "runk", kind: "oci" },
  { name: "kata-runtime", kind: "virtual machine" },
  { name: "containerd-shim-kata-v2", kind: "shim" },
  { name: "containerd-shim-runsc-v1", kind: "shim" },
  { name: "firecracker", kind: "virtual machine" },
];

/** The runtimes in PATH, each asked for its version and nothing else. */
export async function findRuntimes(path = process.env["PATH"] ?? ""): Promise<FoundRuntime[]> {
  // A relative entry would run a program of whatever directory this is called in.
  const directories = path.split(delimiter).filter(isAbsolute);
  const found = known.flatMap(({ name, kind }) => {
    const file = directories.map((directory) => join(directory, name)).find(isExecutable);
    return file === undefined ? [] : [{ name, kind, path: file }];
  });
  return Promise.all(found.map(async (runtime) => ({ ...runtime, version: await versionOf(runtime.path) })));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // not there, or not for us
  }
}

function versionOf(file: string): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(file, ["--version"], { timeout: 3000, maxBuffer: 64 * 1024 }, (_, stdout) => {
      const line = stdout.split("\n").find((text) => /\d/.test(text));
      // `runc version 1.1.5`, `kata-runtime  : 3.2.0`, `Firecracker v1.7.0`
      resolve(line === undefined ? null : line.replace(/^\S+\s+(?:version\s*:?|:)?\s*/, "").slice(0, 100));
    });
  });
}
