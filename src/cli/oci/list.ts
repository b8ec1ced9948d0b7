import type { ContainerInfo } from "../../runtime/index.ts";
import { print, write } from "../terminal/stream.ts";
import { type Column, formatTable } from "../terminal/table.ts";
import type { listOptions, OciCall } from "./options.ts";
import { openRuntime } from "./runtime.ts";

const columns: readonly Column<ContainerInfo>[] = [
  { heading: "ID", cell: ({ id }) => id },
  { heading: "PID", cell: ({ pid }) => String(pid) },
  { heading: "STATUS", cell: ({ status }) => status },
  { heading: "BUNDLE", cell: ({ bundle }) => bundle },
  { heading: "CREATED", cell: ({ created }) => created },
  { heading: "OWNER", cell: ({ owner }) => owner },
];

/** `corten-oci list`: runc's columns, at least twelve wide. */
export function run(call: OciCall<typeof listOptions>): number {
  const containers = openRuntime(call).list();
  if (call.options.quiet) for (const { id } of containers) print(id);
  else if (call.options.format === "json") print(JSON.stringify(containers));
  else write(1, formatTable(columns, containers, { minimum: 9 }));
  return 0;
}
