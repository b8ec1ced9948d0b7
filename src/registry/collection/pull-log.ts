import type { Digest } from "../../spec/index.ts";
import type { Pull } from "../metadata/housekeeping.ts";
import type { Metadata } from "../metadata/metadata.ts";

/** Pulls gather so long: a row written for each would make reading as slow as writing. */
const GATHER_MS = 10_000;
const MAX_GATHERED = 10_000;
/** Rows changed in one transaction. */
const BATCH = 200;

/** Notes when manifests were pulled, for retention. What a killed server had gathered is lost: seconds of pulls. */
export class PullLog implements AsyncDisposable {
  readonly #metadata: Metadata;
  readonly #onFailure: (error: unknown) => void;
  #gathered = new Map<string, Pull>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(metadata: Metadata, onFailure: (error: unknown) => void) {
    this.#metadata = metadata;
    this.#onFailure = onFailure;
  }

  note(repository: string, digest: Digest, tag: string | undefined): void {
    const pull = { repository, digest, at: Date.now(), ...(tag === undefined ? {} : { tag }) };
    this.#gathered.set(`${repository} ${digest} ${tag ?? ""}`, pull);
    if (this.#gathered.size >= MAX_GATHERED) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), GATHER_MS).unref();
  }

  /** Resolves when all that was noted is written. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const pulls = [...this.#gathered.values()];
    this.#gathered = new Map();
    this.#writing = this.#writing.then(() => this.#write(pulls)).catch(this.#onFailure);
    return this.#writing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush();
  }

  async #write(pulls: readonly Pull[]): Promise<void> {
    for (let at = 0; at < pulls.length; at += BATCH)
      await this.#metadata.notePulls(pulls.slice(at, at + BATCH));
  }
}
