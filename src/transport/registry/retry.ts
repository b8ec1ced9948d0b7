import { setTimeout as sleep } from "node:timers/promises";
import { isCortenError } from "../../spec/index.ts";
import { RegistryError } from "./failure.ts";

/** How often and how patiently a request is tried. */
export interface RetryPolicy {
  readonly attempts: number;
  /** Pause before the second try in milliseconds; it doubles each time. */
  readonly backoff: number;
}

/** Longest pause. A server that wants to be left alone for longer gets its error passed on instead. */
const MAX_PAUSE = 30_000;

/**
 * Runs `attempt` until it succeeds, fails for good, or has failed `attempts` times.
 *
 * @throws the last error; the signal's reason when aborted in a pause
 */
export async function retrying<T>(
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (failures >= policy.attempts) throw error;
      await pauseAfter(error, failures, policy, signal);
    }
  }
}

/**
 * Waits as long as `error`, the `failures`-th in a row, asks for.
 *
 * @throws `error` itself when trying again makes no sense
 */
export async function pauseAfter(
  error: unknown,
  failures: number,
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (!isCortenError(error) || !error.retryable) throw error;
  const asked = error instanceof RegistryError ? error.retryAfter : undefined;
  if (asked !== undefined && asked > MAX_PAUSE) throw error;
  // Half of the pause is chance, so that clients cut off together do not come back together.
  const own = Math.min(policy.backoff * 2 ** (failures - 1), MAX_PAUSE) * (0.5 + Math.random() / 2);
  try {
    await sleep(Math.max(asked ?? 0, own), undefined, signal === undefined ? {} : { signal });
  } catch (cause) {
    signal?.throwIfAborted();
    throw cause;
  }
}
