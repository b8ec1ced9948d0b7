import type { ProcessIdentity } from "../../host/index.ts";
import type { SectionBuilder } from "./builder.ts";
import * as k from "./constants.ts";

/** From here on the container's process itself keeps its control groups. */
export function endHolder(h: SectionBuilder, { pid, startTime }: ProcessIdentity): void {
  const process = h.take("holder in the scope");
  h.at("/linux/cgroupsPath", () => {
    h.add("openProcess", { out: process, pid, startTime });
    h.add("signal", { process, signal: k.SIGKILL });
  });
  h.close(process);
}
