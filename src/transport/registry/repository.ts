import type { Descriptor, Digest } from "../../spec/index.ts";
import { CortenError, isTag, JsonView, parseStrictJson } from "../../spec/index.ts";
import type { TransportOptions } from "../place.ts";
import type { ReferrerOptions } from "../referrer.ts";
import type { RegistryClient } from "./client.ts";
import { readAll } from "./http-body.ts";
import { nextPage } from "./link.ts";
import { listReferrers } from "./referrers.ts";

const PAGE = 1000;
/** Registries without paging send all at once: a tag is 128 bytes at most. */
const MAX_PAGE_SIZE = 32 * 1024 * 1024;
const MAX_TAGS = 1_000_000;

/** A repository as a whole: what it holds, not one image of it. Let go of it with `await using`. */
export class RegistryRepository implements AsyncDisposable {
  readonly #client: RegistryClient;

  constructor(client: RegistryClient) {
    this.#client = client;
  }

  /** Registry and repository, as they are shown. */
  get name(): string {
    const { registry, repository } = this.#client.reference;
    return `${registry}/${repository}`;
  }

  /**
   * The tags in the registry's order (distribution-spec, "Listing tags"), page after page.
   *
   * @throws not-found when there is no such repository; resource-exhausted for more than a million tags
   */
  async *tags({ signal }: TransportOptions = {}): AsyncGenerator<string, void, undefined> {
    const what = `list tags of ${this.name}`;
    const seen = new Set<string>();
    let path: string | URL | undefined = this.#path(`tags/list?n=${PAGE}`);
    for (let count = 0; path !== undefined; ) {
      const request = { method: "GET", path, actions: "pull", expect: [200], what, signal } as const;
      const reply = await this.#client.request(request);
      const page = new JsonView(parseStrictJson(await readAll(reply, MAX_PAGE_SIZE), what), what);
      const tags = page.field("tags");
      for (const tag of tags.absent ? [] : tags.strings()) {
        if (!isTag(tag)) throw tags.fault(`holds ${JSON.stringify(tag.slice(0, 140))}, which is no tag`);
        count++;
        if (count > MAX_TAGS) throw new CortenError("resource-exhausted", `${what}: more than ${MAX_TAGS}`);
        yield tag;
      }
      path = nextPage(reply, seen, what);
    }
  }

  /** The manifests that are about `digest`. @see listReferrers */
  referrers(digest: Digest, options: ReferrerOptions = {}): Promise<readonly Descriptor[]> {
    return listReferrers(this.#client, digest, options);
  }

  /**
   * Deletes a manifest and with it all its tags, or one tag alone (distribution-spec, "Deleting manifests",
   * "Deleting tags"). Registries may refuse either.
   *
   * @throws not-found when it is not there; failed-precondition when the registry deletes no such thing
   */
  async delete(what: { readonly digest: Digest } | { readonly tag: string }, options: TransportOptions = {}) {
    const name = "digest" in what ? what.digest : what.tag;
    const reply = await this.#client.request({
      method: "DELETE",
      path: this.#path(`manifests/${name}`),
      actions: "pull,delete",
      expect: [200, 202, 204],
      what: `delete ${name} in ${this.name}`,
      signal: options.signal,
    });
    reply.drop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }

  #path(rest: string): string {
    return `/v2/${this.#client.reference.repository}/${rest}`;
  }
}
