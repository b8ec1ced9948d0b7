import type { Descriptor, Digest } from "../../spec/index.ts";
import { CortenError, isCortenError } from "../../spec/index.ts";
import { readPushedManifest } from "../http/manifest-document.ts";
import type { Metadata } from "../metadata/metadata.ts";
import type { Limits } from "../options.ts";
import type { BlobStorage } from "../storage/blob-storage.ts";
import { downloadBlob } from "./blob-download.ts";
import { SingleFlight } from "./single-flight.ts";
import { Upstream } from "./upstream.ts";
import type { UpstreamSettings } from "./upstream-settings.ts";

/** What a pull-through cache works with. */
export interface PullThroughOptions {
  readonly metadata: Metadata;
  readonly blobs: BlobStorage;
  readonly limits: Limits;
  readonly upstreams: readonly UpstreamSettings[];
  /** Told about failures of upstreams that clients are not told in full. */
  readonly onFailure?: (error: unknown) => void;
}

/** A repository here that is a copy of one elsewhere. */
interface Copied {
  readonly upstream: Upstream;
  /** Its name there. */
  readonly remote: string;
}

/** A blob that is being fetched for a client. */
export interface FetchedBlob {
  readonly size: number;
  /** Its bytes as they come; absent when it is in the repository now. */
  readonly content?: AsyncIterable<Uint8Array>;
}

/**
 * Makes this registry a cache of others (distribution-spec, "Registry Proxying"). What a digest names never changes, so it
 * is fetched once and served for ever. A tag is compared with HEAD, which registries do not count as a pull, when it was not
 * for a while; when the upstream does not answer, what is here is served.
 */
export class PullThrough implements AsyncDisposable {
  readonly #options: PullThroughOptions;
  readonly #upstreams: readonly Upstream[];
  readonly #manifests = new SingleFlight<void>();
  readonly #blobs = new SingleFlight<void>();

  constructor(options: PullThroughOptions) {
    this.#options = options;
    this.#upstreams = options.upstreams.map((settings) => new Upstream(settings));
  }

  /**
   * The name that a repository of a request has here.
   *
   * @param namespace the request's `ns`: the registry that the client means
   */
  locate(repository: string, namespace: string | undefined): string {
    if (namespace === undefined) {
      if (this.#split(repository) !== undefined) return repository;
      const whole = this.#upstreams.find(({ settings }) => settings.unprefixed === true);
      return whole?.has(repository) === true ? `${whole.settings.name}/${repository}` : repository;
    }
    const upstream = this.#upstreams.find(({ settings }) => settings.registry === namespace);
    return upstream === undefined ? repository : `${upstream.settings.name}/${repository}`;
  }

  /** The registry that a repository is a copy from; undefined for this registry's own. */
  origin(repository: string): string | undefined {
    return this.#split(repository)?.upstream.settings.registry;
  }

  /**
   * Sees to it that a manifest is here as upstream has it, if it has it.
   *
   * @returns a sentence for users where what is here may be out of date
   * @throws unavailable when it is not here and upstream does not give it
   */
  async refreshManifest(repository: string, reference: string): Promise<string | undefined> {
    const copied = this.#split(repository);
    if (copied === undefined) return undefined;
    const { upstream } = copied;
    const local = await this.#options.metadata.manifest(repository, reference);
    const fixed = reference.includes(":") || upstream.isFresh(repository, reference);
    if (local !== undefined && fixed) return undefined;
    const stale = `${upstream.settings.registry} does not answer: this is what ${reference} was when it last did`;
    if (local !== undefined && upstream.rests) return stale;
    try {
      await this.#manifests.do(`${repository} ${reference}`, () =>
        this.#fetchManifest(repository, reference, copied, local?.digest),
      );
      return undefined;
    } catch (error) {
      if (isCortenError(error, "not-found")) {
        await this.#forgetTag(repository, reference);
        return undefined;
      }
      this.#report(error, upstream);
      if (local === undefined) throw notFetched(error, upstream);
      return stale;
    }
  }

  /**
   * Brings a blob here. Who comes first reads it while it comes; who comes meanwhile waits until it is here.
   *
   * @returns undefined when the repository is no copy, or upstream has no such blob
   * @throws unavailable when upstream does not give it
   */
  async fetchBlob(repository: string, digest: Digest): Promise<FetchedBlob | undefined> {
    const copied = this.#split(repository);
    if (copied === undefined) return undefined;
    const { metadata, blobs, limits } = this.#options;
    const key = `${repository} ${digest}`;
    try {
      const running = this.#blobs.running(key);
      if (running !== undefined) {
        await running;
        return { size: (await metadata.blob(repository, digest))?.size ?? 0 };
      }
      const from = await copied.upstream.repository(copied.remote);
      const size = await from.blobSize(digest);
      if (await this.#mountFromNeighbour(repository, digest)) return { size };
      // Another request may have begun while this one asked.
      const begun = this.#blobs.running(key);
      if (begun !== undefined) {
        await begun;
        return { size };
      }
      const download = downloadBlob({
        from,
        metadata,
        blobs,
        repository,
        digest,
        size,
        maxSize: limits.blobSize,
      });
      this.#blobs.do(key, () => download.stored).catch((error) => this.#report(error, copied.upstream));
      return { size, content: download.content };
    } catch (error) {
      if (isCortenError(error, "not-found")) return undefined;
      this.#report(error, copied.upstream);
      throw notFetched(error, copied.upstream);
    }
  }

  /** The size of a blob that is not here; undefined when upstream has none, or the repository is no copy. */
  async blobSize(repository: string, digest: Digest): Promise<number | undefined> {
    const copied = this.#split(repository);
    if (copied === undefined) return undefined;
    try {
      return await (await copied.upstream.repository(copied.remote)).blobSize(digest);
    } catch (error) {
      if (isCortenError(error, "not-found")) return undefined;
      this.#report(error, copied.upstream);
      throw notFetched(error, copied.upstream);
    }
  }

  /** The tags that upstream has, in the order of their bytes; undefined when it does not say. */
  async tags(repository: string): Promise<readonly string[] | undefined> {
    return this.#ask(repository, async (from) => (await Array.fromAsync(from.tags())).sort());
  }

  /** What refers to a manifest upstream; undefined when it does not say. */
  async referrers(repository: string, subject: Digest): Promise<readonly Descriptor[] | undefined> {
    return this.#ask(repository, (from) => from.referrers(subject));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#manifests.idle();
    await this.#blobs.idle();
    for (const upstream of this.#upstreams) await upstream[Symbol.asyncDispose]();
  }

  async #ask<T>(
    repository: string,
    question: (from: NonNullable<Awaited<ReturnType<Upstream["repository"]>>>) => Promise<T>,
  ): Promise<T | undefined> {
    const copied = this.#split(repository);
    if (copied === undefined || copied.upstream.rests) return undefined;
    try {
      return await question(await copied.upstream.repository(copied.remote));
    } catch (error) {
      if (!isCortenError(error, "not-found")) this.#report(error, copied.upstream);
      return undefined;
    }
  }

  #split(repository: string): Copied | undefined {
    const slash = repository.indexOf("/");
    if (slash < 0) return undefined;
    const name = repository.slice(0, slash);
    const remote = repository.slice(slash + 1);
    const upstream = this.#upstreams.find(({ settings }) => settings.name === name);
    return upstream?.has(remote) === true ? { upstream, remote } : undefined;
  }

  async #fetchManifest(
    repository: string,
    reference: string,
    { upstream, remote }: Copied,
    local: Digest | undefined,
  ): Promise<void> {
    const { metadata, limits } = this.#options;
    const from = await upstream.repository(remote);
    const tag = reference.includes(":") ? undefined : reference;
    // Asking costs less than fetching, and is not counted against limits of pulls.
    const current = tag === undefined || local === undefined ? undefined : await from.resolve(tag);
    if (tag !== undefined && current !== undefined && current === local) {
      upstream.compared(repository, tag);
      return;
    }
    const { descriptor, bytes } = await from.document(current ?? reference);
    const { manifest } = await readPushedManifest(
      bytes,
      descriptor.mediaType,
      descriptor.digest,
      limits.manifestSize,
    );
    await metadata.putManifest(repository, manifest, { tags: tag === undefined ? [] : [tag] });
    if (tag !== undefined) upstream.compared(repository, tag);
  }

  /** A tag that upstream has no longer is not served any more; what it led to stays, by its digest. */
  async #forgetTag(repository: string, reference: string): Promise<void> {
    if (!reference.includes(":")) await this.#options.metadata.removeTag(repository, reference);
  }

  /** Upstream has just said that its repository has the blob: then bytes that are here need not be fetched again. */
  async #mountFromNeighbour(repository: string, digest: Digest): Promise<boolean> {
    const { metadata } = this.#options;
    const [neighbour] = await metadata.repositoriesOf(digest, { limit: 1 });
    return neighbour !== undefined && (await metadata.mountBlob(repository, digest, neighbour));
  }

  #report(error: unknown, upstream: Upstream): void {
    upstream.failed();
    this.#options.onFailure?.(error);
  }
}

/** Whatever upstream says against this registry is not said against the client: a 401 would ask for its password. */
function notFetched(cause: unknown, { settings }: Upstream): CortenError {
  return new CortenError("unavailable", `${settings.registry} does not give what was asked for`, { cause });
}
