import type { TransferEvent } from "../../../image/index.ts";
import { openProgress } from "../../terminal/progress.ts";
import { write } from "../../terminal/stream.ts";

const WORDS = {
  pull: { moving: "Downloading", done: "Pull complete" },
  push: { moving: "Pushing", done: "Pushed" },
  copy: { moving: "Copying", done: "Copied" },
} as const;

/** Shows the events of a pull, a push or a copy, a line for each layer. */
export async function showTransfer(
  quiet: boolean,
  kind: keyof typeof WORDS,
): Promise<{
  readonly onProgress: (event: TransferEvent) => void;
  /** Keeps a line to be printed at the end, also by a quiet display: it is not progress. */
  readonly note: (text: string) => void;
  readonly finish: () => void;
}> {
  const display = await openProgress(quiet);
  const words = WORDS[kind];
  const layers = new Set<string>();
  const notes: string[] = [];
  const onProgress = (event: TransferEvent): void => {
    if (event.type === "manifest") {
      for (const { digest } of event.layers) {
        layers.add(digest);
        display.update(digest, { name: shortDigest(digest), status: "Waiting" });
      }
    } else if (event.type === "root" || !layers.has(event.digest)) {
      // Configurations are small: they come and go without a line.
    } else if (event.type === "retry") {
      display.update(event.digest, { name: shortDigest(event.digest), status: "Retrying" });
    } else {
      const { digest, state, offset, size } = event;
      const name = shortDigest(digest);
      if (state === "exists") display.update(digest, { name, status: "Already exists" });
      else if (state === "done") display.update(digest, { name, status: words.done });
      else display.update(digest, { name, status: words.moving, done: offset, total: size });
    }
  };
  const finish = (): void => {
    display.finish();
    for (const text of notes.splice(0)) write(2, `${text}\n`);
  };
  return { onProgress, note: (text) => notes.push(text), finish };
}

/** The first twelve digits of a digest. */
function shortDigest(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1).slice(0, 12);
}
