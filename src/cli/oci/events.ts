import type { ContainerEvent, ContainerStatistics } from "../../runtime/index.ts";
import { print } from "../terminal/stream.ts";
import { duration } from "./duration.ts";
import type { eventsOptions, OciCall } from "./options.ts";
import { openRuntime } from "./runtime.ts";

/** `corten-oci events ID`: runc's JSON, one event a line, until the container ends. */
export async function run(call: OciCall<typeof eventsOptions>): Promise<number> {
  const id = call.args[0]!;
  const runtime = openRuntime(call);
  if (call.options.stats) {
    printEvent({ type: "stats", id, data: runtime.stats(id) });
    return 0;
  }
  const intervalMs = duration("--interval", call.options.interval);
  for await (const event of runtime.events(id, { intervalMs })) printEvent(event);
  return 0;
}

function printEvent(event: ContainerEvent): void {
  print(JSON.stringify(event.type === "stats" ? { ...event, data: document(event.data) } : event));
}

/** The fields of types/events.go that a control group has no file for are there all the same: readers expect them. */
function document(data: ContainerStatistics): unknown {
  return { ...data, intel_rdt: {}, network_interfaces: null };
}
