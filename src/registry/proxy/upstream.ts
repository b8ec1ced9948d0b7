import { isRepository } from "../../spec/index.ts";
import type { RegistryRepository } from "../../transport/index.ts";
import { openRepository } from "../../transport/index.ts";
import { matchesOne } from "../access/glob.ts";
import { reaching } from "../replication/remote-registry.ts";
import { DEFAULT_REVALIDATE_MS, type UpstreamSettings } from "./upstream-settings.ts";

/** Repositories whose connections and tokens are kept. */
const MOST_OPEN = 200;
/** Tags of which it is remembered when they were last compared. */
const MOST_TAGS = 50_000;
/** How long an upstream that failed is left alone where there is something to serve without it, in milliseconds. */
const REST_MS = 15_000;

/** One upstream: its repositories, and what is known of how fresh their copies are. */
export class Upstream implements AsyncDisposable {
  readonly settings: UpstreamSettings;
  readonly #open = new Map<string, Promise<RegistryRepository>>();
  /**
   * When a tag was last found to lead to the same as upstream, by repository and tag. Another server, or this one after
   * a restart, asks once more than needed: nothing else depends on it.
   */
  readonly #compared = new Map<string, number>();
  #restsUntil = 0;

  constructor(settings: UpstreamSettings) {
    this.settings = settings;
  }

  /** True when the upstream's repository is passed on. */
  has(repository: string): boolean {
    const { repositories } = this.settings;
    return isRepository(repository) && (repositories === undefined || matchesOne(repositories, repository));
  }

  /** The upstream's repository of that name. Nothing is sent before it is used. */
  repository(name: string): Promise<RegistryRepository> {
    const open = this.#open.get(name);
    if (open !== undefined) {
      // The most recently used come last.
      this.#open.delete(name);
      this.#open.set(name, open);
      return open;
    }
    const { registry } = this.settings;
    const opened = openRepository(
      { registry, repository: name },
      { ...reaching(this.settings), attempts: 2 },
    );
    this.#open.set(name, opened);
    for (const [oldest, repository] of this.#open) {
      if (this.#open.size <= MOST_OPEN) break;
      this.#open.delete(oldest);
      // A request that still uses it goes on: letting go closes idle connections only.
      repository.then((each) => each[Symbol.asyncDispose]()).catch(() => undefined);
    }
    return opened;
  }

  /** True when the tag was compared with upstream a moment ago. */
  isFresh(repository: string, tag: string, now = Date.now()): boolean {
    const { revalidate = DEFAULT_REVALIDATE_MS } = this.settings;
    return now - (this.#compared.get(`${repository}:${tag}`) ?? 0) < revalidate;
  }

  /** Notes that the tag leads to the same as upstream now. */
  compared(repository: string, tag: string): void {
    const key = `${repository}:${tag}`;
    this.#compared.delete(key);
    this.#compared.set(key, Date.now());
    const oldest = this.#compared.size > MOST_TAGS ? this.#compared.keys().next().value : undefined;
    if (oldest !== undefined) this.#compared.delete(oldest);
  }

  /** True while an upstream that failed is not asked again for what is here anyway. */
  get rests(): boolean {
    return Date.now() < this.#restsUntil;
  }

  /** Notes that the upstream did not answer. */
  failed(): void {
    this.#restsUntil = Date.now() + REST_MS;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const repository of open) await (await repository)[Symbol.asyncDispose]();
  }
}
