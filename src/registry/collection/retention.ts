import type { Digest } from "../../spec/index.ts";
import type { Announce, OutgoingEvent } from "../metadata/event-queue.ts";
import type { TagState, UntaggedKind } from "../metadata/housekeeping.ts";
import type { Metadata } from "../metadata/metadata.ts";
import { attachmentSubject, expiredTags, type RetentionRule, ruleFor } from "./retention-rules.ts";

/** Rows read at a time. */
const BATCH = 500;

/** Something that retention removed, or would remove. */
export interface Expired {
  readonly repository: string;
  readonly kind: "manifest" | "referrer" | "tag";
  /** The tag, or the digest of the manifest. */
  readonly reference: string;
  /** The manifest that went, or that the tag led to. */
  readonly digest: Digest;
}

/** Options of {@link applyRetention}. */
export interface RetentionOptions {
  readonly rules: readonly RetentionRule[];
  /** True to tell only what would go. Default false. */
  readonly dryRun?: boolean;
  /** Makes the events that tell of what goes. */
  readonly announce?: ((expired: Expired) => readonly OutgoingEvent[]) | undefined;
  /** Told about each thing that went. */
  readonly onExpired?: (expired: Expired) => void;
  /** Milliseconds since 1970. Default: now. */
  readonly now?: number;
  readonly signal?: AbortSignal;
}

/**
 * Removes what the rules keep no longer, a row at a time and beside everything else: each is looked at again in the
 * transaction that removes it, so what was pushed or pulled meanwhile stays. What manifests leave behind is for garbage
 * collection. A dry run does not see what follows from its own removals: manifests whose last tag would go.
 *
 * @returns what went, at most the first 10,000
 */
export async function applyRetention(
  metadata: Metadata,
  options: RetentionOptions,
): Promise<readonly Expired[]> {
  const { rules, signal } = options;
  const found: Expired[] = [];
  const tell = (expired: Expired): void => {
    if (found.length < 10_000) found.push(expired);
    options.onExpired?.(expired);
  };
  for await (const repository of pages((page) => metadata.repositories(page), String)) {
    signal?.throwIfAborted();
    const rule = ruleFor(rules, repository);
    if (rule !== undefined) await new RepositoryRetention(metadata, repository, rule, options, tell).run();
  }
  return found;
}

class RepositoryRetention {
  readonly #metadata: Metadata;
  readonly #repository: string;
  readonly #rule: RetentionRule;
  readonly #options: RetentionOptions;
  readonly #now: number;
  readonly #tell: (expired: Expired) => void;

  constructor(
    metadata: Metadata,
    repository: string,
    rule: RetentionRule,
    options: RetentionOptions,
    tell: (expired: Expired) => void,
  ) {
    this.#metadata = metadata;
    this.#repository = repository;
    this.#rule = rule;
    this.#options = options;
    this.#now = options.now ?? Date.now();
    this.#tell = tell;
  }

  async run(): Promise<void> {
    const { keepTags, deleteUntagged, deleteReferrers } = this.#rule;
    const tags: TagState[] = [];
    const read = pages(
      (page) => this.#metadata.tagStates(this.#repository, page),
      ({ name }) => name,
    );
    for await (const tag of read) tags.push(tag);
    if (keepTags !== undefined) await this.#expireTags(expiredTags(tags, keepTags, this.#now), "tag");
    if (deleteUntagged !== undefined) await this.#expireUntagged("no-subject", deleteUntagged);
    if (deleteReferrers === undefined) return;
    // One referrer may be the subject of the next.
    for (let gone = 1; gone > 0; ) {
      await this.#expireTags(await this.#lostAttachments(tags, deleteReferrers), "referrer");
      gone = await this.#expireUntagged("lost-referrer", deleteReferrers);
      if (this.#options.dryRun === true) return;
    }
  }

  async #expireTags(tags: readonly TagState[], kind: "referrer" | "tag"): Promise<void> {
    for (const tag of tags) {
      const expired = { repository: this.#repository, kind, reference: tag.name, digest: tag.digest };
      if (this.#options.dryRun !== true) {
        const done = await this.#metadata.expireTag(this.#repository, tag, this.#announcing(expired));
        if (!done) continue;
      }
      this.#tell(expired);
    }
  }

  async #expireUntagged(kind: UntaggedKind, age: number): Promise<number> {
    const before = this.#now - age;
    let gone = 0;
    const read = pages(
      (page) => this.#metadata.untagged(this.#repository, kind, before, page),
      ({ digest }) => digest,
    );
    for await (const { digest } of read) {
      this.#options.signal?.throwIfAborted();
      const shown = kind === "no-subject" ? ("manifest" as const) : ("referrer" as const);
      const expired = { repository: this.#repository, kind: shown, reference: digest, digest };
      if (this.#options.dryRun !== true) {
        const announce = this.#announcing(expired);
        if (!(await this.#metadata.expireUntagged(this.#repository, digest, kind, before, announce)))
          continue;
      }
      gone++;
      this.#tell(expired);
    }
    return gone;
  }

  #announcing(expired: Expired): Announce<boolean> | undefined {
    const { announce } = this.#options;
    return announce === undefined ? undefined : (done) => (done ? announce(expired) : []);
  }

  /** Tags `sha256-…` whose manifest is not in the repository any more. */
  async #lostAttachments(tags: readonly TagState[], age: number): Promise<readonly TagState[]> {
    const lost: TagState[] = [];
    for (const tag of tags) {
      const subject = attachmentSubject(tag.name);
      if (subject === undefined || this.#now - tag.pushed < age) continue;
      // A sha512 that was cut names nothing that could be looked up: such a tag stays.
      if (subject.startsWith("sha512:") && subject.length < "sha512:".length + 128) continue;
      if ((await this.#metadata.manifest(this.#repository, subject)) === undefined) lost.push(tag);
    }
    return lost;
  }
}

/** All entries of a list that is read in parts. */
async function* pages<T>(
  read: (page: { after?: string; limit: number }) => Promise<readonly T[]>,
  key: (entry: T) => string,
): AsyncGenerator<T, void, undefined> {
  for (let after: string | undefined; ; ) {
    const entries = await read({ limit: BATCH, ...(after === undefined ? {} : { after }) });
    yield* entries;
    const last = entries.at(-1);
    if (last === undefined || entries.length < BATCH) return;
    after = key(last);
  }
}
