import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { blake3 } from "@noble/hashes/blake3.js";
import type { Digest, DigestAlgorithm } from "../spec/index.ts";
import { MediaType } from "../spec/index.ts";
import type { RegistryOptions } from "./options.ts";
import { createRegistry, type Registry } from "./registry.ts";
import { memoryStorage } from "./storage/memory/memory-storage.ts";
import type { RegistryStorage } from "./storage/registry-storage.ts";

/** A registry on loopback with an empty memory store, unless the options say otherwise. */
export interface TestingRegistry extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  readonly storage: RegistryStorage;
  readonly registry: Registry;
  /** Sends a request to a path below `/v2/`, or to a Location. */
  call(method: string, path: string, init?: CallOptions): Promise<Response>;
  /** Uploads a blob in two requests; it must succeed. */
  push(repository: string, content: Uint8Array | string): Promise<Digest>;
  /** Pushes a manifest; the response may be a refusal. */
  put(repository: string, reference: string, document: unknown, mediaType?: string): Promise<Response>;
}

/** Body and headers of a request. */
export interface CallOptions {
  readonly body?: Uint8Array | string | ReadableStream;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Starts one; the caller lets go of it. A storage that is given stays the caller's. */
export async function startTestingRegistry(options: Partial<RegistryOptions> = {}): Promise<TestingRegistry> {
  const storage = options.storage ?? memoryStorage();
  const registry = createRegistry({ ...options, storage });
  const server = createServer(registry.handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const call = (method: string, path: string, { body, headers = {} }: CallOptions = {}): Promise<Response> =>
    fetch(new URL(path.startsWith("/") ? path : `/v2/${path}`, origin), {
      method,
      headers: { ...headers },
      redirect: "manual",
      ...(body === undefined ? {} : { body }),
      ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
    });
  return {
    origin,
    storage,
    registry,
    call,
    async push(repository, content) {
      const digest = digestOf(content);
      const begun = await call("POST", `${repository}/blobs/uploads/`);
      const location = begun.headers.get("location") ?? "";
      const put = await call("PUT", `${location}?digest=${digest}`, { body: content });
      if (put.status !== 201) throw new Error(`push of ${digest}: ${put.status} ${await put.text()}`);
      return digest;
    },
    put(repository, reference, document, mediaType = MediaType.imageManifest) {
      const body = typeof document === "string" ? document : JSON.stringify(document);
      return call("PUT", `${repository}/manifests/${reference}`, {
        body,
        headers: { "Content-Type": mediaType },
      });
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await registry[Symbol.asyncDispose]();
      if (options.storage === undefined) await storage[Symbol.asyncDispose]();
    },
  };
}

/** The digest of content. */
export function digestOf(content: Uint8Array | string, algorithm: DigestAlgorithm = "sha256"): Digest {
  if (algorithm !== "blake3") return `${algorithm}:${createHash(algorithm).update(content).digest("hex")}`;
  return `blake3:${Buffer.from(blake3(Buffer.from(content))).toString("hex")}`;
}

/** A manifest of one configuration and some layers that were pushed before. */
export function manifestOf(config: string, layers: readonly string[], more: object = {}): object {
  const descriptor = (mediaType: string, content: string) => ({
    mediaType,
    digest: digestOf(content),
    size: Buffer.byteLength(content),
  });
  return {
    schemaVersion: 2,
    mediaType: MediaType.imageManifest,
    config: descriptor(MediaType.imageConfig, config),
    layers: layers.map((layer) => descriptor(MediaType.layer, layer)),
    ...more,
  };
}

/** The code of the first error of a refusal. */
export async function errorCode(response: Response): Promise<string | undefined> {
  const { errors } = (await response.json()) as { errors: { code: string }[] };
  return errors[0]?.code;
}

/** Resolves when the bytes that nobody has any more are removed. */
export async function swept({ metadata }: RegistryStorage): Promise<void> {
  while ((await metadata.orphans(1)).length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}
