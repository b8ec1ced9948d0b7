import { CortenError } from "../../spec/index.ts";

/** What ends work that the user interrupted. The exit code for it is 130, as for a death by SIGINT. */
export const interruption = new CortenError("unavailable", "interrupted", {
  hint: "what has been fetched is kept: the same command goes on from there",
});

/** Does work that SIGINT and SIGTERM end in an orderly way; a second signal ends the process at once. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const signals = ["SIGINT", "SIGTERM"] as const;
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(interruption);
  };
  for (const signal of signals) process.on(signal, interrupt);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (controller.signal.aborted) throw interruption;
    throw error;
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}
