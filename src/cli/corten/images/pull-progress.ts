import type { PullEvent } from "../../../image/index.ts";
import { openProgress } from "../../terminal/progress.ts";

/** Shows a pull's events, a line for each layer. */
export async function showPull(quiet: boolean): Promise<{
  readonly onProgress: (event: PullEvent) => void;
  readonly finish: () => void;
}> {
  const display = await openProgress(quiet);
  const layers = new Set<string>();
  const onProgress = (event: PullEvent): void => {
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
      else if (state === "done") display.update(digest, { name, status: "Pull complete" });
      else display.update(digest, { name, status: "Downloading", done: offset, total: size });
    }
  };
  return { onProgress, finish: () => display.finish() };
}

/** The first twelve digits of a digest. */
export function shortDigest(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1).slice(0, 12);
}
