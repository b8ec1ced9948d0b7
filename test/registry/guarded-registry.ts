import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import bcrypt from "bcryptjs";
import {
  createRegistry,
  memoryStorage,
  openAccess,
  openTlsServer,
  readAccessSettings,
  type TlsFiles,
} from "../../src/registry/index.ts";
import { JsonView, MediaType } from "../../src/spec/index.ts";
import { temporaryDirectory } from "../support/index.ts";

/** A registry with access control in this process, on loopback, over an empty memory store. */
export interface GuardedRegistry extends AsyncDisposable {
  readonly origin: string;
  /** Where the files of the configuration are; `state/` has the keys of its tokens. */
  readonly directory: string;
  write(name: string, text: string): void;
  /** A request with an Authorization header, or without. */
  call(method: string, path: string, authorization?: string, body?: string, type?: string): Promise<Response>;
  /** Pushes a blob; returns the last status. */
  pushBlob(repository: string, content: string, authorization?: string): Promise<number>;
  /** Pushes an image of one configuration whose text is `content` under `reference`; returns the status. */
  pushImage(repository: string, reference: string, content: string, authorization?: string): Promise<number>;
  /** A token for these scopes as an Authorization header. */
  token(scopes: readonly string[], authorization?: string): Promise<string>;
}

/**
 * @param configuration the section `access` of a configuration file; paths are relative to `files`
 * @param tls for a server of https; requests of `call` then fail, as they know no authority
 */
export async function startGuardedRegistry(
  configuration: object,
  files: Readonly<Record<string, string>> = {},
  tls?: TlsFiles,
): Promise<GuardedRegistry> {
  const scratch = temporaryDirectory("guarded-registry");
  const directory = scratch.path;
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  mkdirSync(join(directory, "state"), { mode: 0o700 });
  const settings = readAccessSettings(new JsonView(configuration, "configuration"), {
    base: directory,
    state: join(directory, "state"),
  });
  const storage = memoryStorage();
  const registry = createRegistry({ storage, access: await openAccess(settings) });
  const secure = tls === undefined ? undefined : await openTlsServer({ ...tls, handler: registry.handler });
  const plain = createServer(registry.handler);
  const server = secure?.server ?? plain;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http${secure === undefined ? "" : "s"}://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const call: GuardedRegistry["call"] = (method, path, authorization, body, type) => {
    const headers: Record<string, string> = {};
    if (authorization !== undefined) headers["Authorization"] = authorization;
    if (type !== undefined) headers["Content-Type"] = type;
    return fetch(new URL(path, origin), {
      method,
      headers,
      redirect: "manual",
      ...(body === undefined ? {} : { body }),
    });
  };
  const pushBlob: GuardedRegistry["pushBlob"] = async (repository, content, authorization) => {
    const begun = await call("POST", `/v2/${repository}/blobs/uploads/`, authorization);
    await begun.arrayBuffer();
    if (begun.status !== 202) return begun.status;
    const location = `${begun.headers.get("location")}?digest=${digestOf(content)}`;
    return (await call("PUT", location, authorization, content)).status;
  };
  return {
    origin,
    directory,
    call,
    pushBlob,
    write: (name, text) => writeFileSync(join(directory, name), text),
    async pushImage(repository, reference, content, authorization) {
      const pushed = await pushBlob(repository, content, authorization);
      if (pushed !== 201) return pushed;
      const text = imageOf(content);
      const response = await call(
        "PUT",
        `/v2/${repository}/manifests/${reference}`,
        authorization,
        text,
        MediaType.imageManifest,
      );
      await response.arrayBuffer();
      return response.status;
    },
    async token(scopes, authorization) {
      const query = new URLSearchParams(scopes.map((scope) => ["scope", scope]));
      const response = await call("GET", `/token?${query}`, authorization);
      if (response.status !== 200) throw new Error(`no token: ${response.status} ${await response.text()}`);
      return `Bearer ${((await response.json()) as { token: string }).token}`;
    },
    async [Symbol.asyncDispose]() {
      await secure?.[Symbol.asyncDispose]();
      plain.closeAllConnections();
      if (plain.listening) await new Promise((resolve) => plain.close(resolve));
      await registry[Symbol.asyncDispose]();
      await storage[Symbol.asyncDispose]();
      scratch[Symbol.dispose]();
    },
  };
}

/** The manifest that {@link GuardedRegistry.pushImage} pushes. */
export function imageOf(content: string): string {
  const config = {
    mediaType: MediaType.imageConfig,
    digest: digestOf(content),
    size: Buffer.byteLength(content),
  };
  return JSON.stringify({ schemaVersion: 2, mediaType: MediaType.imageManifest, config, layers: [] });
}

export function digestOf(content: string): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

/** An Authorization header with a name and password. */
export function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;
}

/** The text of an htpasswd file. */
export function htpasswd(users: Readonly<Record<string, string>>): string {
  const lines = Object.entries(users).map(([name, password]) => `${name}:${bcrypt.hashSync(password, 4)}`);
  return `${lines.join("\n")}\n`;
}
