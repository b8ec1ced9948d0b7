/**
 * Speaks to the registry for whoever looks at the page. Passwords and tokens stay in the memory of the page,
 * are never stored, and go to this registry and its own token endpoint only.
 */

/** The registry wants to know who asks, or this person may not. */
export class SignInNeeded extends Error {
  readonly refused: boolean;
  constructor(refused: boolean) {
    super(refused ? "user name or password is wrong" : "this registry wants a user name and password");
    this.refused = refused;
  }
}

/** What the registry answered instead of the thing asked for. */
export class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class Session {
  #basic: string | undefined;
  readonly #tokens = new Map<string, string>();
  user: string | undefined;
  /** True when signing in may show more. */
  guarded = false;

  /** Finds out whether this registry knows users at all: its root answers 401 to nobody then (end-1). */
  async probe(): Promise<void> {
    this.guarded = (await this.#send("/v2/", {})).status === 401;
  }

  /** Takes a user name and password for the requests that follow. */
  signIn(user: string, password: string): void {
    const bytes = new TextEncoder().encode(`${user}:${password}`);
    this.#basic = `Basic ${btoa(String.fromCharCode(...bytes))}`;
    this.#tokens.clear();
    this.user = user;
  }

  signOut(): void {
    this.#basic = undefined;
    this.#tokens.clear();
    this.user = undefined;
  }

  /**
   * @throws SignInNeeded where credentials are wanted; Refusal with the registry's own words otherwise
   */
  async request(
    path: string,
    options: { readonly method?: string; readonly accept?: string } = {},
  ): Promise<Response> {
    const scope = scopeOf(path);
    let response = await this.#send(path, options, this.#tokens.get(scope) ?? this.#basic);
    if (response.status === 401) {
      const token = await this.#token(response.headers.get("www-authenticate") ?? "");
      if (token === undefined) throw new SignInNeeded(this.#basic !== undefined);
      this.#tokens.set(scope, token);
      response = await this.#send(path, options, token);
      if (response.status === 401) throw new SignInNeeded(this.#basic !== undefined);
    }
    if (!response.ok) throw new Refusal(response.status, await reasonOf(response));
    return response;
  }

  #send(
    path: string,
    options: { readonly method?: string; readonly accept?: string },
    authorization?: string,
  ): Promise<Response> {
    const headers = new Headers({ accept: options.accept ?? "application/json" });
    if (authorization !== undefined) headers.set("authorization", authorization);
    // Without "omit" the browser would ask with a window of its own, and remember.
    return fetch(path, { method: options.method ?? "GET", headers, credentials: "omit", redirect: "follow" });
  }

  /** Asks the token endpoint of a bearer challenge, if it is this registry's own. */
  async #token(challenge: string): Promise<string | undefined> {
    if (!/^bearer /i.test(challenge)) return undefined;
    const field = (name: string) => new RegExp(`[ ,]${name}="([^"]*)"`, "i").exec(challenge)?.[1];
    const realm = new URL(field("realm") ?? "", location.href);
    if (realm.origin !== location.origin) {
      throw new Refusal(
        401,
        `tokens for this registry are given by ${realm.host}, which this page does not speak to`,
      );
    }
    for (const name of ["service", "scope"] as const) {
      const value = field(name);
      if (value !== undefined) realm.searchParams.set(name, value);
    }
    const response = await this.#send(realm.href, {}, this.#basic);
    if (response.status === 401) throw new SignInNeeded(this.#basic !== undefined);
    if (!response.ok) throw new Refusal(response.status, await reasonOf(response));
    const { token, access_token } = (await response.json()) as { token?: string; access_token?: string };
    const bearer = token ?? access_token;
    return bearer === undefined ? undefined : `Bearer ${bearer}`;
  }
}

/** What a token is good for: one repository, or the catalog. */
function scopeOf(path: string): string {
  return /^\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\//.exec(path)?.[1] ?? "";
}

async function reasonOf(response: Response): Promise<string> {
  try {
    const { errors } = (await response.json()) as {
      errors?: ReadonlyArray<{ message?: string; code?: string }>;
    };
    return errors?.[0]?.message ?? errors?.[0]?.code ?? response.statusText;
  } catch {
    return response.statusText === "" ? `the registry answered ${response.status}` : response.statusText;
  }
}
