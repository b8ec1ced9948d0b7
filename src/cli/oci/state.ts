import { print } from "../terminal/stream.ts";
import type { OciCall } from "./options.ts";
import { openRuntime } from "./runtime.ts";

/** `corten-oci state ID` */
export function run(call: OciCall): number {
  print(JSON.stringify(openRuntime(call).state(call.args[0]!), undefined, 2));
  return 0;
}
