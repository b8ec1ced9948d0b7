import type { Digest, Reference } from "../../spec/index.ts";
import { CortenError, canonicalReference } from "../../spec/index.ts";
import type { ApiRequest } from "./api-request.ts";
import type { Endpoint } from "./endpoint.ts";
import type { HttpReply } from "./http.ts";
import { isStream } from "./http-body.ts";
import type { RegistryOptions } from "./options.ts";
import { RangePolicy } from "./ranges.ts";
import type { RetryPolicy } from "./retry.ts";
import { retrying } from "./retry.ts";
import { Trust } from "./trust.ts";
import { Warnings } from "./warnings.ts";

export type { ApiRequest } from "./api-request.ts";

/**
 * One repository of a registry, wherever its content is to be had: the mirrors that configuration names are asked
 * first, then the registry. Shared by source and sink; let go of it with `await using`.
 */
export class RegistryClient implements AsyncDisposable {
  readonly reference: Reference;
  readonly retry: RetryPolicy;
  readonly ranges: RangePolicy;
  readonly #options: RegistryOptions;
  readonly #warnings: Warnings;
  readonly #trust: Trust;
  #endpoints: Promise<readonly Endpoint[]> | undefined;
  /** Mirrors that did not answer: they are not asked again. */
  readonly #silent = new Set<Endpoint>();

  constructor(reference: Reference, options: RegistryOptions = {}) {
    this.reference = reference;
    this.#options = options;
    this.retry = { attempts: options.attempts ?? 5, backoff: options.backoff ?? 250 };
    this.ranges = new RangePolicy(options.ranges);
    this.#warnings = new Warnings(options.onWarning);
    this.#trust = new Trust(options.onMistrust);
  }

  /** The reference in full, as it is shown. */
  get name(): string {
    return canonicalReference(this.reference);
  }

  /**
   * Sends a request, again where that may help and its body allows it.
   *
   * @throws CortenError by the status (see failureOf), or `unavailable` when no answer comes
   */
  async request(request: ApiRequest): Promise<HttpReply> {
    const policy = isStream(request.body) ? { ...this.retry, attempts: 1 } : this.retry;
    return retrying(policy, request.signal, () => this.requestOnce(request));
  }

  /** {@link request} without retries: of each host that may have the answer, one after the other. */
  requestOnce(request: ApiRequest): Promise<HttpReply> {
    return this.readOnce(request, async (reply) => reply);
  }

  /**
   * Sends a request once to each host that may have the answer, until one gives an answer that `read` takes. What a mirror
   * sends is thrown away where `read` throws, and the next host is asked.
   */
  async readOnce<T>(request: ApiRequest, read: (reply: HttpReply) => Promise<T>): Promise<T> {
    const endpoints = await this.#endpointsFor(request);
    const failures: Error[] = [];
    for (const endpoint of endpoints) {
      const last = endpoint === endpoints.at(-1);
      try {
        const reply = await endpoint.request(request);
        if (!last && reply.status >= 400) {
          // Also where that is an answer: what a mirror does not have, or does not list, the registry may.
          reply.drop();
          failures.push(new Error(`${endpoint.settings.host} answered ${reply.status}`));
          continue;
        }
        // A place that the registry redirects to does not speak for it.
        if (endpoint.owns(reply.url)) {
          this.#warnings.see(endpoint.settings.host, headerText(reply, "warning"));
        }
        if (!last) this.#trust.gave(endpoint, reply, request.content);
        return await read(reply).catch((error) => {
          if (!last && error instanceof CortenError && !error.retryable) this.#trust.end(endpoint, error);
          throw error;
        });
      } catch (error) {
        if (last) throw withMirrors(error, failures);
        request.signal?.throwIfAborted();
        if (!(error instanceof CortenError)) throw error;
        failures.push(error);
        if (error.code === "unavailable") this.#silent.add(endpoint);
      }
    }
    throw new CortenError(
      "failed-precondition",
      `${request.what}: configuration names no host that may be asked`,
    );
  }

  /**
   * Says that what came under `digest` is wrong, or does not come at all. True when a mirror gave it, which is asked no
   * more, so that another host gives what comes next.
   */
  mistrust(digest: Digest, why: CortenError): boolean {
    return this.#trust.endOfGivers(digest, why);
  }

  /** The same for what one answer holds. */
  mistrustGiverOf(reply: HttpReply, why: CortenError): boolean {
    return this.#trust.endOfGiverOf(reply, why);
  }

  /**
   * Fetches from a URL that is no part of the registry, as a descriptor's `urls` are: never with
   * credentials, whatever the server there asks for (CVE-2020-15157).
   */
  async requestForeign(url: URL, request: Omit<ApiRequest, "path" | "actions">): Promise<HttpReply> {
    const all = await this.#all();
    const endpoint = all.findLast(({ settings }) => settings.pulls !== "none") ?? all.at(-1)!;
    return retrying(this.retry, request.signal, () => endpoint.requestForeign(url, request));
  }

  /** The hosts to ask, in order. A URL that a host handed out goes back to it, where more than one is there. */
  async #endpointsFor({ path, actions }: ApiRequest): Promise<readonly Endpoint[]> {
    const all = await this.#all();
    const primary = all.at(-1)!;
    if (path instanceof URL) return [all.find((endpoint) => endpoint.owns(path)) ?? primary];
    if (actions === "pull,delete" || actions === "login") return [primary];
    if (actions === "pull,push") return all.filter(({ settings }) => settings.pushes).slice(0, 1);
    // What a digest names is the same everywhere; only of the rest a mirror may know less than the registry.
    const byDigest = /\/blobs\/|\/manifests\/[^/]*:/.test(path);
    const fit = all.filter(
      ({ settings: { pulls } }) => pulls === "all" || pulls === (byDigest ? "digest-only" : "tag-only"),
    );
    const trusted = fit.filter((endpoint) => !this.#trust.hasEnded(endpoint));
    const answering = trusted.filter((endpoint) => !this.#silent.has(endpoint));
    return answering.length > 0 ? answering : trusted;
  }

  #all(): Promise<readonly Endpoint[]> {
    this.#endpoints ??= this.#configure().catch((error) => {
      this.#endpoints = undefined;
      throw error;
    });
    return this.#endpoints;
  }

  async #configure(): Promise<readonly Endpoint[]> {
    // Both are loaded when something is sent: to name an image costs nothing.
    const { registrySettings } = await import("./configuration/endpoints.ts");
    const { Endpoint } = await import("./endpoint.ts");
    const { endpoints, credentialHelpers } = await registrySettings(this.reference, this.#options);
    return endpoints.map(
      (settings) => new Endpoint(this.reference, settings, credentialHelpers, this.#options),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const endpoints = await this.#endpoints?.catch(() => undefined);
    for (const endpoint of endpoints ?? []) await endpoint[Symbol.asyncDispose]();
  }
}

/** The last host's error, with what the mirrors before it said. */
function withMirrors(error: unknown, failures: readonly Error[]): unknown {
  if (!(error instanceof CortenError) || failures.length === 0) return error;
  const said = failures.map(({ message }) => message).join("; ");
  error.message = `${error.message} (before that, mirrors: ${said})`;
  return error;
}

function headerText({ headers }: HttpReply, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}
