import { print } from "../terminal/stream.ts";
import { runtimeSpecVersion, version } from "../version.ts";

/** Prints what go-runc and podman parse: `NAME version X`, then `commit: X` and `spec: X`. */
export function printVersion(): number {
  print(`corten-oci version ${version}`);
  print(`commit: v${version}`);
  print(`spec: ${runtimeSpecVersion}`);
  return 0;
}
