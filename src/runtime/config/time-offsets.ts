import type { RuntimeConfig } from "../../spec/index.ts";
import { escapePointer } from "../../spec/index.ts";
import { configFault } from "./check.ts";

/** Clocks of a time namespace (time_namespaces(7)). */
const CLOCKS = ["monotonic", "boottime"];
const AT = "/linux/timeOffsets";

/** The offsets as /proc/PID/timens_offsets takes them; "" where none is asked for. */
export function formatOffsets({ linux }: RuntimeConfig): string {
  return Object.entries(linux?.timeOffsets ?? {})
    .map(([clock, { secs = 0, nanosecs = 0 }]) => `${clock} ${secs} ${nanosecs}\n`)
    .join("");
}

/** Rules of the offsets of a time namespace (runtime-spec, config-linux.md "Offset for Time Namespace"). */
export function checkTimeOffsets({ linux }: RuntimeConfig): void {
  const clocks = Object.keys(linux?.timeOffsets ?? {});
  if (clocks.length === 0) return;
  const time = linux?.namespaces?.find(({ type }) => type === "time");
  if (time === undefined) throw configFault(AT, "needs a time namespace in /linux/namespaces");
  if ((time.path ?? "") !== "") {
    throw configFault(AT, "cannot be set for a time namespace that is joined: it has its offsets already");
  }
  for (const clock of clocks) {
    if (!CLOCKS.includes(clock)) {
      throw configFault(`${AT}/${escapePointer(clock)}`, `names no clock; there are ${CLOCKS.join(" and ")}`);
    }
  }
}
