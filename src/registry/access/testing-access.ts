import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import bcrypt from "bcryptjs";
import { isCortenError, JsonView } from "../../spec/index.ts";
import { ACTIONS, type Access, type Action } from "./access.ts";
import { readAccessSettings } from "./access-settings.ts";
import { openAccess } from "./configured-access.ts";
import { RetryLater } from "./retry-later.ts";

/**
 * A server on loopback with the access control of a configuration. Besides the token endpoint it answers `/v2/` as a
 * registry does, and `/REPOSITORY/ACTION[/TAG]` by whether that is allowed: 200 with who asked, 401 or 403.
 */
export class AccessServer implements AsyncDisposable {
  readonly directory: string;
  readonly origin: string;
  readonly access: Access;
  readonly #server: Server;

  private constructor(directory: string, access: Access, server: Server) {
    this.directory = directory;
    this.access = access;
    this.#server = server;
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** @param files written before the configuration is read; paths in it are relative to them */
  static async start(
    configuration: object,
    files: Readonly<Record<string, string>> = {},
  ): Promise<AccessServer> {
    const directory = mkdtempSync(join(tmpdir(), "corten-access-"));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    const settings = readAccessSettings(new JsonView(configuration, "configuration"), {
      base: directory,
      state: join(directory, "state"),
    });
    const access = await openAccess(settings);
    const server = createServer((request, response) => {
      answer(access, request, response).catch((error: unknown) => {
        response.writeHead(500).end(String(error));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new AccessServer(directory, access, server);
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.directory, name), text);
  }

  get(path: string, authorization?: string): Promise<Response> {
    const headers = authorization === undefined ? {} : { authorization };
    return fetch(`${this.origin}${path}`, { headers });
  }

  /** The status of asking for `REPOSITORY/ACTION[/TAG]`. */
  async status(path: string, authorization?: string): Promise<number> {
    const response = await this.get(`/${path}`, authorization);
    await response.arrayBuffer();
    return response.status;
  }

  /** A token for these scopes as an Authorization header. */
  async token(scopes: readonly string[], authorization?: string): Promise<string> {
    const query = new URLSearchParams([...scopes.map((scope) => ["scope", scope]), ["service", "corten"]]);
    const response = await this.get(`/token?${query}`, authorization);
    assert.equal(response.status, 200, await response.clone().text());
    return `Bearer ${((await response.json()) as { token: string }).token}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.directory, { recursive: true });
  }
}

const answer = async (
  access: Access,
  ...[request, response]: Parameters<NonNullable<Access["serve"]>>
): Promise<void> => {
  if (await access.serve?.(request, response)) return;
  const form = /^\/(.+)\/(read|create|update|delete)(?:\/([^/]+))?$/.exec(request.url ?? "");
  const repository = form?.[1] ?? "";
  const action = ACTIONS.find((name) => name === form?.[2]);
  const challenge = (): void => {
    const wanted = action === undefined ? undefined : { repository, actions: [action] };
    response.writeHead(401, { "WWW-Authenticate": access.challenge(request, wanted) }).end();
  };
  try {
    const identity = await access.identify(request);
    const refusal = refusalOf(access, identity, repository, action, form?.[3]);
    if (refusal === undefined) response.writeHead(200).end(JSON.stringify(identity));
    else if (refusal === "unauthenticated") challenge();
    else response.writeHead(403).end();
  } catch (error) {
    if (error instanceof RetryLater) response.writeHead(429, { "Retry-After": error.retryAfter }).end();
    else if (isCortenError(error, "unauthenticated")) challenge();
    else if (isCortenError(error, "unavailable")) response.writeHead(503).end();
    else throw error;
  }
};

function refusalOf(
  access: Access,
  identity: Awaited<ReturnType<Access["identify"]>>,
  repository: string,
  action: Action | undefined,
  tag: string | undefined,
): "unauthenticated" | "permission-denied" | undefined {
  if (action === undefined) return access.welcomes?.(identity) === false ? "unauthenticated" : undefined;
  if (access.allows(identity, repository, action, tag)) return undefined;
  return access.refusal?.(identity, repository, action, tag) ?? "permission-denied";
}

/** An Authorization header with a name and password. */
export function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;
}

/** The text of an htpasswd file; each user's password is their name reversed. */
export function htpasswd(...names: readonly string[]): string {
  return names.map((name) => `${name}:${bcrypt.hashSync([...name].reverse().join(""), 4)}\n`).join("");
}
