import { setTimeout as pause } from "node:timers/promises";
import { type MirrorContext, type MirrorReport, runMirror } from "./mirror.ts";
import type { MirrorSettings } from "./mirror-settings.ts";

/** Runs mirrors when their time has come, one run of each at a time, until it is let go of. */
export class MirrorSchedule implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #runs: readonly Promise<void>[];

  /**
   * @param onReport told about each run that ended
   * @param onFailure told about a run that could not be made at all
   */
  constructor(
    mirrors: readonly MirrorSettings[],
    context: MirrorContext,
    onReport: (report: MirrorReport) => void,
    onFailure: (error: unknown) => void,
  ) {
    const { signal } = this.#stop;
    this.#runs = mirrors.map(async (settings) => {
      const { every } = settings;
      while (every !== undefined && !signal.aborted) {
        try {
          onReport(await runMirror(settings, { ...context, signal }));
        } catch (error) {
          if (!signal.aborted) onFailure(error);
        }
        await pause(every, undefined, { signal, ref: false }).catch(() => undefined);
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#runs);
  }
}
