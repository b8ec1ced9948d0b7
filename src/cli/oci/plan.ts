import { formatPlan, planDocument } from "../../runtime/index.ts";
import { print, write } from "../terminal/stream.ts";
import { Log } from "./log.ts";
import type { OciCall, planOptions } from "./options.ts";
import { openRuntime } from "./runtime.ts";

/** `corten-oci plan [BUNDLE]` */
export function run(call: OciCall<typeof planOptions>): number {
  const { plan, warnings } = openRuntime(call).planLaunch({
    id: "plan",
    bundle: call.args[0] ?? ".",
    create: call.options.create,
  });
  const log = new Log(call.globals);
  for (const warning of warnings) log.warning(warning);
  if (call.options.format === "json") print(JSON.stringify(planDocument(plan), undefined, 2));
  else write(1, formatPlan(plan));
  return 0;
}
