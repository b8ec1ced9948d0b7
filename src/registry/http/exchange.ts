import type { IncomingMessage, ServerResponse } from "node:http";
import { isRepository } from "../../spec/index.ts";
import { type Access, type Action, ANONYMOUS, type Identity } from "../access/access.ts";
import type { PullLog } from "../collection/pull-log.ts";
import type { Outbox } from "../events/outbox.ts";
import type { RegistryEvent } from "../events/registry-event.ts";
import type { Announce } from "../metadata/event-queue.ts";
import type { Quota } from "../metadata/housekeeping.ts";
import type { Metadata } from "../metadata/metadata.ts";
import type { Limits, RegistryOptions } from "../options.ts";
import type { PullThrough } from "../proxy/pull-through.ts";
import type { BlobStorage } from "../storage/blob-storage.ts";
import { DistributionError } from "./distribution-error.ts";
import { warningHeader } from "./warning.ts";

/** What all requests of a registry share. */
export interface Service {
  readonly metadata: Metadata;
  readonly blobs: BlobStorage;
  readonly access: Access | undefined;
  readonly limits: Limits;
  readonly options: RegistryOptions;
  /** Fetches what other registries have; absent when this one is a cache of none. */
  readonly proxy: PullThrough | undefined;
  /** Removes bytes that no repository needs any more, soon. */
  readonly sweep: () => void;
  /** When manifests were pulled. */
  readonly pulls: PullLog;
  /** Events on their way to webhooks; absent when there are none. */
  readonly outbox: Outbox | undefined;
}

/** One request and its response, with who asks. */
export class Exchange {
  readonly service: Service;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  /** The query, without its question mark. */
  readonly query: string;
  identity: Identity = ANONYMOUS;
  /** The registry that the repository of this request is a copy from. */
  origin: string | undefined;
  /** Sentences for users about this response alone. */
  readonly notes: string[] = [];
  /** Bytes of the response's body, once its head is sent. */
  bodyLength = 0;
  #parameters: URLSearchParams | undefined;

  constructor(service: Service, request: IncomingMessage, response: ServerResponse, query: string) {
    this.service = service;
    this.request = request;
    this.response = response;
    this.method = request.method ?? "GET";
    this.query = query;
  }

  /** The first value of a query parameter. */
  parameter(name: string): string | undefined {
    return this.query === "" ? undefined : (this.#search().get(name) ?? undefined);
  }

  /** All values of a query parameter. */
  parameters(name: string): readonly string[] {
    return this.query === "" ? [] : this.#search().getAll(name);
  }

  /** Where the request came from. */
  get address(): string {
    return this.service.access?.clientAddress?.(this.request) ?? this.request.socket.remoteAddress ?? "";
  }

  /** True when the identity may do this. */
  allows(repository: string, action: Action, tag?: string): boolean {
    const { access } = this.service;
    return access === undefined || access.allows(this.identity, repository, action, tag);
  }

  /**
   * Checks the repository's name and the right to do something there.
   *
   * @throws NAME_INVALID, UNAUTHORIZED, DENIED
   */
  authorize(repository: string, action: Action, tag?: string): void {
    if (!isRepository(repository)) {
      throw new DistributionError("NAME_INVALID", `"${repository.slice(0, 300)}" is not a repository name`);
    }
    if (!this.allows(repository, action, tag)) throw this.denied(repository, action, tag);
  }

  /**
   * Asks who nobody is known to be for credentials, where some are needed for anything.
   *
   * @throws UNAUTHORIZED
   */
  checkWelcome(): void {
    const { access } = this.service;
    if (access === undefined || (access.welcomes?.(this.identity) ?? true)) return;
    throw new DistributionError("UNAUTHORIZED", "authentication is possible", {
      headers: { "WWW-Authenticate": access.challenge(this.request) },
    });
  }

  /**
   * Refuses pushes into a repository that is a copy of another registry's.
   *
   * @throws UNSUPPORTED
   */
  refuseCopy(repository: string): void {
    if (this.origin === undefined) return;
    const message = `repository ${repository} is a copy of what ${this.origin} has: nothing can be pushed to it`;
    throw new DistributionError("UNSUPPORTED", message);
  }

  /** The refusal of something that is not allowed: 401 asks for credentials, 403 says that none would help. */
  denied(repository: string, action: Action, tag?: string): DistributionError {
    const { access } = this.service;
    const { name } = this.identity;
    const what = `${action} ${tag === undefined ? "" : `tag ${tag} `}in repository ${repository}`;
    const kind =
      access?.refusal?.(this.identity, repository, action, tag) ??
      (name === undefined ? "unauthenticated" : "permission-denied");
    if (kind === "permission-denied" || access === undefined) {
      return new DistributionError("DENIED", `${name ?? "nobody"} may not ${what}`);
    }
    const actions = action === "read" ? (["read"] as const) : (["read", action] as const);
    return new DistributionError("UNAUTHORIZED", `authentication is needed to ${what}`, {
      headers: { "WWW-Authenticate": access.challenge(this.request, { repository, actions }) },
    });
  }

  /** How much the repository may have. */
  quota(repository: string): Quota | undefined {
    return this.service.options.quotas?.of(repository);
  }

  /** Whether a tag may lose what it leads to; undefined when nobody has to be asked. */
  mayLoseTag(repository: string): ((tag: string) => boolean) | undefined {
    return this.service.access === undefined ? undefined : (tag) => this.allows(repository, "delete", tag);
  }

  /** Sends the response's head: `headers`, and those that every response has. */
  head(status: number, headers: Record<string, string | number | readonly string[]>): void {
    headers["Docker-Distribution-API-Version"] = "registry/2.0";
    if (this.origin !== undefined) headers["OCI-Namespace"] = this.origin;
    if (this.method !== "HEAD") this.bodyLength = Number(headers["Content-Length"] ?? 0);
    this.response.writeHead(status, headers as Record<string, string>);
  }

  /** Adds what the operator wants users to read. */
  warn(headers: Record<string, unknown>, repository: string, action: Action, reference?: string): void {
    const sentences = this.service.options.warnings?.({
      repository,
      action,
      ...(reference === undefined ? {} : { reference }),
    });
    const all = sentences === undefined ? this.notes : [...this.notes, ...sentences];
    if (all.length > 0) headers["Warning"] = warningHeader(all);
  }

  /** Sends a JSON document. */
  json(status: number, headers: Record<string, string | number>, value: unknown): void {
    const body = Buffer.from(JSON.stringify(value));
    headers["Content-Type"] ??= "application/json";
    headers["Content-Length"] = body.length;
    this.head(status, headers);
    this.response.end(this.method === "HEAD" ? undefined : body);
  }

  /** Sends a response without body. */
  empty(status: number, headers: Record<string, string | number>): void {
    if (status !== 204) headers["Content-Length"] ??= 0;
    this.head(status, headers);
    this.response.end();
  }

  /**
   * What writes down, with a change, the event that tells of it.
   *
   * @param eventOf undefined when nothing was changed
   */
  announcing<Result>(eventOf: (result: Result) => RegistryEvent | undefined): Announce<Result> | undefined {
    const { outbox } = this.service;
    if (outbox === undefined) return undefined;
    return (result) => {
      const event = eventOf(result);
      return event === undefined ? [] : outbox.outgoing(this.#signed(event));
    };
  }

  /** Whether anybody wants to know what happens. */
  get attended(): boolean {
    return this.service.options.onEvent !== undefined || this.service.outbox !== undefined;
  }

  /** Tells the operator's listener what happened, after it was announced where it changed something. */
  tell(event: RegistryEvent): void {
    const { options, outbox } = this.service;
    options.onEvent?.(this.#signed(event));
    if (outbox === undefined) return;
    if (event.kind.endsWith("-pulled")) outbox.note(this.#signed(event));
    else outbox.wake();
  }

  #signed(event: RegistryEvent): RegistryEvent {
    return this.identity.name === undefined ? event : { ...event, actor: this.identity.name };
  }

  #search(): URLSearchParams {
    this.#parameters ??= new URLSearchParams(this.query);
    return this.#parameters;
  }
}
