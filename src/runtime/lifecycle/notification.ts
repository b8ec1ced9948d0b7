import { existsSync } from "node:fs";
import { join } from "node:path";
import { pause } from "../../host/index.ts";
import { NOTIFY_NAME, StateFile } from "../plan/launch-input.ts";
import { type Launch, launch } from "./launch.ts";

/** A process that waits for a container's word that it is ready, and passes it on. */
export interface Notification extends AsyncDisposable {
  /** Resolves when the container has said so, or has ended. */
  readonly done: Promise<unknown>;
}

/** Starts to wait; resolves once the container finds the socket. */
export async function awaitNotification(prepared: Launch, stateDirectory: string): Promise<Notification> {
  const abort = new AbortController();
  const socket = join(stateDirectory, StateFile.notify, NOTIFY_NAME);
  let ended = false;
  const done = launch(prepared, { signal: abort.signal }).finally(() => {
    ended = true;
  });
  // Whoever awaits it hears of a failure; one that nobody awaits any more is that of a start that has failed.
  done.catch(() => undefined);
  while (!existsSync(socket) && !ended) await pause(1);
  if (ended) await done;
  return {
    done,
    async [Symbol.asyncDispose]() {
      if (ended) return;
      abort.abort();
      await done.catch(() => undefined);
    },
  };
}
