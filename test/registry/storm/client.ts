import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { MediaType } from "../../../src/spec/index.ts";
import { type KilledServers, pause } from "./servers.ts";

/** The answer to a request; undefined when nobody knows what became of it. */
type Answer = { readonly status: number; readonly headers: Headers; readonly body: Buffer } | undefined;

/** What a client knows to be in its repository. */
interface Image {
  readonly text: string;
  readonly blobs: readonly string[];
}

/** Contents that all clients share, from a byte to some hundred kilobytes. */
export function contentOf(index: number): Buffer {
  const seed = createHash("sha256").update(`content ${index}`).digest();
  return Buffer.alloc(1 + index ** 3 * 5, seed);
}
const CONTENTS = 40;

export function digestOf(content: Buffer | string): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

/**
 * One client with a repository of its own, in which only it pushes and deletes; blobs it shares with the others, whose
 * repositories it mounts from. After each request it knows what must be there, and asks where an answer was lost.
 */
export class StormClient {
  readonly images = new Map<string, Image>();
  readonly tags = new Map<string, string>();
  readonly repository: string;
  /** What it did, by name. */
  readonly done: Record<string, number> = {};
  readonly #servers: KilledServers;
  readonly #random: () => number;
  readonly #others: readonly string[];

  constructor(
    repository: string,
    options: {
      readonly servers: KilledServers;
      readonly random: () => number;
      readonly others: readonly string[];
    },
  ) {
    this.repository = repository;
    this.#servers = options.servers;
    this.#random = options.random;
    this.#others = options.others;
  }

  async step(): Promise<void> {
    const dice = this.#random();
    if (dice < 0.45) await this.#push();
    else if (dice < 0.8) await this.#pull();
    else if (dice < 0.88) await this.#deleteTag();
    else if (dice < 0.96) await this.#deleteImage();
    else await this.#deleteUnusedBlob();
  }

  async #push(): Promise<void> {
    const contents = Array.from({ length: 1 + this.#below(3) }, () => contentOf(this.#below(CONTENTS)));
    for (const content of contents) if (!(await this.#pushBlob(content))) return this.#count("push given up");
    const descriptors = contents.map((content) => ({
      mediaType: MediaType.layer,
      digest: digestOf(content),
      size: content.length,
    }));
    const [config, ...layers] = descriptors;
    const text = JSON.stringify({
      schemaVersion: 2,
      mediaType: MediaType.imageManifest,
      config: { ...config, mediaType: MediaType.imageConfig },
      layers,
      annotations: { number: String(this.#below(3)) },
    });
    const image = { text, blobs: descriptors.map(({ digest }) => digest) };
    const tag = `t${this.#below(4)}`;
    const answer = await this.#ask("PUT", `manifests/${tag}`, text, {
      "Content-Type": MediaType.imageManifest,
    });
    if (answer?.status === 201) {
      this.images.set(digestOf(text), image);
      this.tags.set(tag, digestOf(text));
      return this.#count("push");
    }
    // Blobs whose grace was over: a client begins anew.
    if (answer?.status === 400) return this.#count("push too late");
    assert.equal(answer, undefined, `push: ${answer?.status} ${answer?.body}`);
    await this.#learn(tag, digestOf(text), image);
    this.#count("push in doubt");
  }

  /** True when the registry has said that it has the blob. */
  async #pushBlob(content: Buffer): Promise<boolean> {
    const digest = digestOf(content);
    if (this.#random() < 0.6 && (await this.#ask("HEAD", `blobs/${digest}`))?.status === 200) return true;
    if (this.#random() < 0.4) {
      const from = this.#others[this.#below(this.#others.length)];
      const mount = await this.#ask("POST", `blobs/uploads/?mount=${digest}&from=${from}`);
      if (mount?.status === 201) return true;
    }
    const begun = await this.#ask("POST", "blobs/uploads/");
    const location = begun?.headers.get("location");
    if (location == null) return false;
    let rest = content;
    if (this.#random() < 0.4) {
      const half = content.subarray(0, content.length >> 1);
      if ((await this.#ask("PATCH", location, half))?.status !== 202) return false;
      // Some never come back.
      if (this.#random() < 0.1) return false;
      rest = content.subarray(half.length);
    }
    return (await this.#ask("PUT", `${location}?digest=${digest}`, rest))?.status === 201;
  }

  async #pull(): Promise<void> {
    const tag = [...this.tags.keys()][this.#below(this.tags.size)];
    if (tag === undefined) return;
    const digest = this.tags.get(tag)!;
    const manifest = await this.#read(`manifests/${tag}`);
    assert.equal(manifest.status, 200, `${this.repository}:${tag} is lost`);
    assert.equal(digestOf(manifest.body), digest, `${this.repository}:${tag} is another`);
    for (const blob of this.images.get(digest)!.blobs) await this.verifyBlob(blob);
    this.#count("pull");
  }

  async verifyBlob(digest: string): Promise<void> {
    const { status, body } = await this.#read(`blobs/${digest}`);
    assert.equal(status, 200, `blob ${digest} of ${this.repository} is lost`);
    assert.equal(digestOf(body), digest, `blob ${digest} of ${this.repository} is corrupt`);
  }

  async #deleteTag(): Promise<void> {
    const tag = [...this.tags.keys()][this.#below(this.tags.size)];
    if (tag === undefined) return;
    const answer = await this.#ask("DELETE", `manifests/${tag}`);
    if (answer === undefined && (await this.#read(`manifests/${tag}`)).status === 200) return;
    if (answer !== undefined) assert.equal(answer.status, 202, `${answer.status} ${answer.body}`);
    this.tags.delete(tag);
    assert.equal((await this.#read(`manifests/${tag}`)).status, 404, "a deleted tag is still there");
    this.#count("delete tag");
  }

  async #deleteImage(): Promise<void> {
    const digest = [...this.images.keys()][this.#below(this.images.size)];
    if (digest === undefined) return;
    const answer = await this.#ask("DELETE", `manifests/${digest}`);
    if (answer === undefined && (await this.#read(`manifests/${digest}`)).status === 200) return;
    if (answer !== undefined) assert.equal(answer.status, 202, `${answer.status} ${answer.body}`);
    this.#forget(digest);
    assert.equal((await this.#read(`manifests/${digest}`)).status, 404, "a deleted image is still there");
    this.#count("delete image");
  }

  async #deleteUnusedBlob(): Promise<void> {
    const digest = digestOf(contentOf(this.#below(CONTENTS)));
    if ([...this.images.values()].some(({ blobs }) => blobs.includes(digest))) return;
    const answer = await this.#ask("DELETE", `blobs/${digest}`);
    assert.ok(answer === undefined || [202, 404].includes(answer.status), String(answer?.status));
    this.#count("delete blob");
  }

  /** After a push whose answer was lost: it happened, or it did not. */
  async #learn(tag: string, digest: string, image: Image): Promise<void> {
    const before = this.tags.get(tag);
    const found = await this.#read(`manifests/${tag}`);
    if (found.status === 404) return assert.equal(before, undefined, `${this.repository}:${tag} is lost`);
    const now = digestOf(found.body);
    assert.ok(now === digest || now === before, `${this.repository}:${tag} is neither old nor new`);
    if (now !== digest) return;
    this.images.set(digest, image);
    this.tags.set(tag, digest);
  }

  #forget(digest: string): void {
    this.images.delete(digest);
    for (const [tag, target] of this.tags) if (target === digest) this.tags.delete(tag);
  }

  /** A read is asked again until somebody answers. */
  async #read(path: string): Promise<NonNullable<Answer>> {
    for (;;) {
      const answer = await this.#ask("GET", path);
      if (answer !== undefined) return answer;
      await pause(20);
    }
  }

  async #ask(
    method: string,
    path: string,
    body?: Buffer | string,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const url = new URL(
      path.startsWith("/") ? path : `/v2/${this.repository}/${path}`,
      await this.#servers.origin(),
    );
    try {
      const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
      const answer = {
        status: response.status,
        headers: response.headers,
        body: Buffer.from(await response.arrayBuffer()),
      };
      // A server that is about to die may fail: what it did is not known.
      return answer.status >= 500 ? undefined : answer;
    } catch {
      return undefined; // killed in the middle
    }
  }

  #below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  #count(what: string): void {
    this.done[what] = (this.done[what] ?? 0) + 1;
  }
}
