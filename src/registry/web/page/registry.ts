import type { Descriptor, Fetched, ImageConfig, Manifest } from "./documents.ts";
import { Refusal, type Session } from "./session.ts";

/** Types that the page can show. Without them a registry may convert, or answer that it has none. */
const MANIFESTS = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** Most bytes of a document that the page reads. */
const LARGEST = 8 * 1024 * 1024;

/** Names in the order of the registry; `next` is the request for those that follow. */
export interface Listing {
  readonly names: readonly string[];
  readonly next?: string;
}

/** The part of the distribution API that the page uses. */
export class Registry {
  readonly #session: Session;
  readonly #fetched = new Map<string, Promise<Fetched>>();

  constructor(session: Session) {
    this.#session = session;
  }

  /** Forgets what was read, e.g. after someone else has signed in. */
  forget(): void {
    this.#fetched.clear();
  }

  async repositories(next = "/v2/_catalog?n=200"): Promise<Listing> {
    return this.#listing(next, "repositories");
  }

  async tags(repository: string, next = `/v2/${repository}/tags/list?n=200`): Promise<Listing> {
    return this.#listing(next, "tags");
  }

  /** A manifest or index. What was asked for by digest is read once. */
  manifest(repository: string, reference: string): Promise<Fetched> {
    const path = `/v2/${repository}/manifests/${reference}`;
    if (!reference.includes(":")) return this.#manifest(path);
    let fetched = this.#fetched.get(path);
    if (fetched === undefined) {
      fetched = this.#manifest(path);
      fetched.catch(() => this.#fetched.delete(path));
      this.#fetched.set(path, fetched);
    }
    return fetched;
  }

  async config(repository: string, { digest, size }: Descriptor): Promise<ImageConfig> {
    if (size > LARGEST) throw new Error(`the configuration has ${size} bytes`);
    const response = await this.#session.request(`/v2/${repository}/blobs/${digest}`, { accept: "*/*" });
    return (await response.json()) as ImageConfig;
  }

  /** What refers to a manifest: signatures, SBOMs, attestations. Empty where the registry does not say. */
  async referrers(repository: string, digest: string): Promise<readonly Descriptor[]> {
    try {
      const response = await this.#session.request(`/v2/${repository}/referrers/${digest}`);
      return ((await response.json()) as Manifest).manifests ?? [];
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) return [];
      throw error;
    }
  }

  async #manifest(path: string): Promise<Fetched> {
    const response = await this.#session.request(path, { accept: MANIFESTS });
    const text = await response.text();
    if (text.length > LARGEST) throw new Error(`the manifest has ${text.length} bytes`);
    const document = JSON.parse(text) as Manifest;
    return {
      digest: response.headers.get("docker-content-digest") ?? path.slice(path.lastIndexOf("/") + 1),
      mediaType: response.headers.get("content-type") ?? document.mediaType ?? "",
      size: new TextEncoder().encode(text).length,
      document,
      text,
    };
  }

  async #listing(path: string, key: "repositories" | "tags"): Promise<Listing> {
    const response = await this.#session.request(path);
    const body = (await response.json()) as Partial<Record<typeof key, readonly string[] | null>>;
    const link = /<([^>]+)>\s*;\s*rel="?next"?/i.exec(response.headers.get("link") ?? "")?.[1];
    const names = body[key] ?? [];
    if (link === undefined) return { names };
    const next = new URL(link, new URL(path, location.href));
    return { names, next: `${next.pathname}${next.search}` };
  }
}
