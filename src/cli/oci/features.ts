import { runtimeFeatures } from "../../runtime/index.ts";
import { print } from "../terminal/stream.ts";
import { version } from "../version.ts";

/** `corten-oci features`: what this build can do, as runtime-spec's features.md has it. */
export function run(): number {
  print(JSON.stringify(runtimeFeatures({ "dev.corten.version": version }), undefined, 4));
  return 0;
}
