import type { Descriptor, Digest } from "../../spec/index.ts";
import {
  CortenError,
  isRepository,
  isTag,
  JsonView,
  parseDigest,
  parseStrictJson,
} from "../../spec/index.ts";
import type { Document, TransportOptions } from "../place.ts";
import type { ReferrerOptions } from "../referrer.ts";
import type { RegistryClient } from "./client.ts";
import { readAll } from "./http-body.ts";
import { nextPage } from "./link.ts";
import { listReferrers } from "./referrers.ts";
import { ACCEPT_MANIFESTS, RegistrySource } from "./source.ts";

const PAGE = 1000;
/** Registries without paging send all at once: a tag is 128 bytes at most. */
const MAX_PAGE_SIZE = 32 * 1024 * 1024;
const MAX_NAMES = 1_000_000;

/** One of the registry's lists of names. */
interface Listing {
  readonly path: string;
  readonly field: string;
  readonly noun: string;
  readonly what: string;
}

/** A repository as a whole: what it holds, not one image of it. Let go of it with `await using`. */
export class RegistryRepository implements AsyncDisposable {
  readonly #client: RegistryClient;
  readonly #source: RegistrySource;

  constructor(client: RegistryClient) {
    this.#client = client;
    this.#source = new RegistrySource(client);
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
  async *tags(options: TransportOptions = {}): AsyncGenerator<string, void, undefined> {
    const listing = {
      path: this.#path("tags/list"),
      field: "tags",
      noun: "tag",
      what: `list tags of ${this.name}`,
    };
    yield* this.#list(listing, (name) => isTag(name), options);
  }

  /**
   * All repositories of this one's registry, where it tells them (`_catalog`, which is no part of distribution-spec).
   *
   * @throws not-found, permission-denied and others where it does not; resource-exhausted for more than a million
   */
  async *neighbours(options: TransportOptions = {}): AsyncGenerator<string, void, undefined> {
    const what = `list repositories of ${this.#client.reference.registry}`;
    yield* this.#list(
      { path: "/v2/_catalog", field: "repositories", noun: "repository", what },
      isRepository,
      options,
    );
  }

  async *#list(
    { path: first, field, noun, what }: Listing,
    isName: (text: string) => boolean,
    { signal }: TransportOptions,
  ): AsyncGenerator<string, void, undefined> {
    const seen = new Set<string>();
    let path: string | URL | undefined = `${first}?n=${PAGE}`;
    for (let count = 0; path !== undefined; ) {
      const request = { method: "GET", path, actions: "pull", expect: [200], what, signal } as const;
      const reply = await this.#client.request(request);
      const page = new JsonView(parseStrictJson(await readAll(reply, MAX_PAGE_SIZE), what), what);
      const names = page.field(field);
      for (const name of names.absent ? [] : names.strings()) {
        if (!isName(name))
          throw names.fault(`holds ${JSON.stringify(name.slice(0, 140))}, which is no ${noun}`);
        count++;
        if (count > MAX_NAMES) throw new CortenError("resource-exhausted", `${what}: more than ${MAX_NAMES}`);
        yield name;
      }
      path = nextPage(reply, seen, what);
    }
  }

  /** The manifest or index that a tag or digest names, digest verified. */
  document(reference: string, options: TransportOptions = {}): Promise<Document> {
    return this.#source.document(reference, options);
  }

  /**
   * The digest that a tag leads to, without the manifest (HEAD). Undefined where the registry does not say it.
   *
   * @throws not-found when there is no such tag
   */
  async resolve(tag: string, { signal }: TransportOptions = {}): Promise<Digest | undefined> {
    const reply = await this.#client.request({
      method: "HEAD",
      path: this.#path(`manifests/${tag}`),
      headers: { accept: ACCEPT_MANIFESTS },
      actions: "pull",
      expect: [200],
      what: `look for ${tag} in ${this.name}`,
      signal,
    });
    reply.drop();
    const header = reply.headers["docker-content-digest"];
    return typeof header === "string" ? parseDigest(header) : undefined;
  }

  /** The size of a blob (HEAD). @throws not-found */
  async blobSize(digest: Digest, { signal }: TransportOptions = {}): Promise<number> {
    const what = `look for blob ${digest} in ${this.name}`;
    const path = this.#path(`blobs/${digest}`);
    const reply = await this.#client.request({
      method: "HEAD",
      path,
      actions: "pull",
      expect: [200],
      what,
      signal,
    });
    reply.drop();
    const size = Number(reply.headers["content-length"]);
    if (Number.isSafeInteger(size) && size >= 0) return size;
    throw new CortenError("internal", `${what}: the registry does not say how large it is`);
  }

  /** The bytes of a blob, not verified here. @see ImageSource.blob */
  blob(descriptor: Descriptor, options: TransportOptions = {}): Promise<AsyncIterable<Uint8Array>> {
    return this.#source.blob(descriptor, options);
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
