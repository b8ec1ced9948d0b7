import { Log } from "./log.ts";
import type { OciCall } from "./options.ts";

/**
 * The front door (native/front) sees a start for the second time and names the file that is to hold its plan. That the
 * plan could not be stored does not concern this start, only the time that the next one takes.
 */
export async function storePlan(
  { globals }: Pick<OciCall, "globals">,
  store: (file: string) => Promise<void>,
): Promise<void> {
  const file = process.env["CORTEN_STORE_PLAN"];
  if (file === undefined) return;
  try {
    await store(file);
  } catch (error) {
    new Log(globals).debug(
      `cannot store the plan in ${file}: ${error instanceof Error ? error.message : error}`,
    );
  }
}
