import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * What is asked of a repository. "create" adds what is not there yet (a blob, a manifest by digest, a new tag);
 * "update" moves a tag that exists. They are two, as whoever may add releases must not be able to replace one
 * (CVE-2026-31801), and "delete" is neither.
 */
export type Action = "read" | "create" | "update" | "delete";

export const ACTIONS: readonly Action[] = ["read", "create", "update", "delete"];

/** What a token lets its bearer do at most, whatever policies say about who that is. */
export interface Grant {
  readonly repository: string;
  readonly actions: readonly Action[];
}

/** Who asks, as far as the credentials of one request prove. */
export interface Identity {
  /** Absent for anonymous. */
  readonly name?: string;
  readonly groups: readonly string[];
  /** Present when a bearer token was shown: the least of this and of the policies counts. */
  readonly grants?: readonly Grant[];
  /** True when the grants of the token decide alone, without policies: the issuer is trusted that far. */
  readonly grantsDecide?: boolean;
}

/** Nobody known. */
export const ANONYMOUS: Identity = { groups: [] };

/** Who may do what; called by every request. */
export interface Access {
  /**
   * Who asks.
   *
   * @throws unauthenticated when credentials are there and wrong, resource-exhausted (a {@link RetryLater})
   * after too many wrong ones
   */
  identify(request: IncomingMessage): Promise<Identity>;
  /** Also filters the catalog. `tag` is the tag that is read, made, moved or removed, where one is. */
  allows(identity: Identity, repository: string, action: Action, tag?: string): boolean;
  /** The value of WWW-Authenticate for a 401; what was wanted goes into the scope of a bearer challenge. */
  challenge(
    request: IncomingMessage,
    wanted?: { readonly repository: string; readonly actions: readonly Action[] },
  ): string;
  /**
   * True when `GET /v2/` answers 200. Clients learn from that one answer whether to send credentials at all, so
   * somebody unknown gets a 401 there although a policy lets anonymous read: a token for nobody gets them in.
   * Without this method everybody is welcome.
   */
  welcomes?(identity: Identity): boolean;
  /**
   * Why something was not allowed: "unauthenticated" (401) when other credentials, or a token with a wider scope,
   * could help; "permission-denied" (403) otherwise. Without this method a name makes the difference.
   */
  refusal?(
    identity: Identity,
    repository: string,
    action: Action,
    tag?: string,
  ): "unauthenticated" | "permission-denied";
  /**
   * The address that a request came from, where proxies are trusted to tell it. Without this method it is that of
   * the connection.
   */
  clientAddress?(request: IncomingMessage): string;
  /** Answers requests of its own (the token endpoint); false when the request is not one of them. */
  serve?(request: IncomingMessage, response: ServerResponse): Promise<boolean>;
}
