import type { Digest } from "../../spec/index.ts";
import type { HttpRequest } from "./http.ts";

/** A request to the registry's API. */
export interface ApiRequest {
  readonly method: HttpRequest["method"];
  /** Path below the base URL (`/v2/…`), or a URL that the registry handed out. */
  readonly path: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpRequest["body"];
  /** The rights that the request needs; `login` is none but to be known. */
  readonly actions: "pull" | "pull,push" | "pull,delete" | "login";
  /** Another repository that the request reads from. */
  readonly alsoPull?: string;
  /** Status codes that are answers; everything else is thrown. */
  readonly expect: readonly number[];
  /** What the request does and to what, for messages. */
  readonly what: string;
  /** The blob whose bytes the answer holds: who gave them is remembered until they are known to be right. */
  readonly content?: Digest;
  readonly signal?: AbortSignal | undefined;
}
