import { setTimeout as pause } from "node:timers/promises";
import { copyImage } from "../../image/index.ts";
import { isCortenError } from "../../spec/index.ts";
import { openRepository, openSink } from "../../transport/index.ts";
import { matchesOne } from "../access/glob.ts";
import type { RegistryEvent } from "../events/registry-event.ts";
import type { Metadata } from "../metadata/metadata.ts";
import type { BlobStorage } from "../storage/blob-storage.ts";
import { reaching } from "./remote-registry.ts";
import type { ReplicaSettings } from "./replica-settings.ts";
import { StorageSource } from "./storage-source.ts";

/** What a replica works with. */
export interface ReplicaOptions {
  readonly metadata: Metadata;
  readonly blobs: BlobStorage;
  /** Told about images that could not be sent; they are tried again. */
  readonly onFailure: (error: unknown) => void;
  /** Pause after a failure in milliseconds; it doubles up to five minutes. Default: 2000. */
  readonly backoff?: number;
  /** Milliseconds between two looks at everything. Default: an hour. */
  readonly every?: number;
}

const LONGEST_PAUSE_MS = 5 * 60_000;
const PAGE = 1000;

/**
 * Sends what is pushed to another registry: soon after the push, and once more where a look at everything (at the start, and from
 * time to time) finds a tag that is not the same there. So nothing has to be remembered over a restart. Tags that are deleted here
 * stay there: a replica is also what is left after a mistake.
 */
export class Replica implements AsyncDisposable {
  readonly #settings: ReplicaSettings;
  readonly #options: ReplicaOptions;
  /** Images to be sent, by repository and reference, oldest first. */
  readonly #waiting = new Map<string, readonly [repository: string, reference: string]>();
  readonly #stop = new AbortController();
  readonly #looking: Promise<void>;
  #sending: Promise<void> | undefined;

  constructor(settings: ReplicaSettings, options: ReplicaOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#looking = this.#look();
  }

  /** Takes notice of an event: what was pushed is sent. */
  add({ kind, repository, digest, tags = [] }: RegistryEvent): void {
    if (kind !== "manifest-pushed" || !this.#wants(repository)) return;
    // A manifest without a tag is part of an index, which sends it, or refers to an image: a signature must arrive by itself.
    for (const reference of tags.length > 0 ? tags.filter((tag) => this.#wantsTag(tag)) : [digest])
      this.#queue(repository, reference);
  }

  /** Resolves when nothing waits to be sent. */
  async idle(): Promise<void> {
    while (this.#sending !== undefined) await this.#sending;
  }

  /** Looks at everything now and queues what is not the same there. */
  async compare(): Promise<void> {
    const { metadata } = this.#options;
    for await (const repository of all((after) => metadata.repositories({ ...after, limit: PAGE }))) {
      if (!this.#wants(repository)) continue;
      await using there = await openRepository(this.#named(repository), {
        ...reaching(this.#settings),
        attempts: 2,
      });
      for await (const tag of all(
        async (after) => (await metadata.tags(repository, { ...after, limit: PAGE })) ?? [],
      )) {
        this.#stop.signal.throwIfAborted();
        if (!this.#wantsTag(tag)) continue;
        const local = await metadata.manifest(repository, tag);
        const remote = await there.resolve(tag, { signal: this.#stop.signal }).catch((error) => {
          if (isCortenError(error, "not-found")) return undefined;
          throw error;
        });
        if (local !== undefined && local.digest !== remote) this.#queue(repository, tag);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#looking;
    await this.#sending;
  }

  #wants(repository: string): boolean {
    const { repositories } = this.#settings;
    return repositories === undefined || matchesOne(repositories, repository);
  }

  #wantsTag(tag: string): boolean {
    const { tags } = this.#settings;
    return tags === undefined || matchesOne(tags, tag);
  }

  #named(repository: string): { readonly registry: string; readonly repository: string } {
    return { registry: this.#settings.registry, repository: `${this.#settings.prefix}${repository}` };
  }

  async #look(): Promise<void> {
    const { every = 60 * 60_000, onFailure } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.compare().catch((error) => signal.aborted || onFailure(error));
      await pause(every, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  #queue(repository: string, reference: string): void {
    this.#waiting.set(`${repository} ${reference}`, [repository, reference]);
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  async #sendAll(): Promise<void> {
    const { backoff = 2000, onFailure } = this.#options;
    const { signal } = this.#stop;
    for (let failures = 0; this.#waiting.size > 0 && !signal.aborted; ) {
      const [[key, [repository, reference]]] = this.#waiting as unknown as [
        [string, readonly [string, string]],
      ];
      // Pushed again while it is sent, it is sent again.
      this.#waiting.delete(key);
      try {
        await this.#send(repository, reference);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        onFailure(error);
        if (!isCortenError(error) || !error.retryable) continue;
        this.#waiting.set(key, [repository, reference]);
        await pause(Math.min(backoff * 2 ** failures++, LONGEST_PAUSE_MS), undefined, { signal }).catch(
          () => undefined,
        );
      }
    }
  }

  async #send(repository: string, reference: string): Promise<void> {
    const { metadata, blobs } = this.#options;
    if ((await metadata.manifest(repository, reference)) === undefined) return; // deleted meanwhile
    const named = reference.includes(":")
      ? { digest: reference as `${string}:${string}` }
      : { tag: reference };
    await using source = new StorageSource(metadata, blobs, repository, reference);
    const place = { kind: "registry" as const, reference: { ...this.#named(repository), ...named } };
    await using sink = await openSink(place, { registry: { ...reaching(this.#settings), attempts: 2 } });
    await copyImage(source, sink, { multiArch: "all", signal: this.#stop.signal });
  }
}

/** All names of a list that is read page by page. */
async function* all(
  page: (after: { readonly after?: string }) => Promise<readonly string[]>,
): AsyncGenerator<string, void, undefined> {
  for (let last: string | undefined; ; ) {
    const names = await page(last === undefined ? {} : { after: last });
    yield* names;
    if (names.length < PAGE) return;
    last = names.at(-1);
  }
}
