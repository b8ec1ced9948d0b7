import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import type { Endpoint } from "../http/endpoint.ts";
import { webPageFiles } from "./page.gen.ts";

/**
 * The page at `/`, on which people look through repositories, tags, manifests and layers. It is static and the same
 * for everybody; what it shows it asks of the distribution API, as the person who looks may.
 */

interface PageFile {
  readonly type: string;
  readonly plain: Buffer;
  readonly packed: Buffer;
  readonly etag: string;
}

/** Nothing from elsewhere is loaded, nothing runs that is not the page's own file, nobody may frame it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TYPES = {
  "index.html": "text/html; charset=utf-8",
  "main.js": "text/javascript; charset=utf-8",
  "style.css": "text/css; charset=utf-8",
  "icon.svg": "image/svg+xml",
} as const satisfies Record<keyof typeof webPageFiles, string>;

/**
 * The page as an endpoint of a registry. Its paths are `/` and `/-/FILE`, which are no part of the distribution API.
 */
export function webPage(): Endpoint {
  const files = readFiles();
  return {
    async serve(request, response) {
      const [path = ""] = (request.url ?? "/").split("?", 1);
      const file = files.get(path);
      if (file === undefined || (request.method !== "GET" && request.method !== "HEAD")) return false;
      send(file, request, response);
      return true;
    },
  };
}

function send(file: PageFile, request: IncomingMessage, response: ServerResponse): void {
  response.setHeader("etag", file.etag);
  response.setHeader("cache-control", "no-cache");
  response.setHeader("vary", "accept-encoding");
  response.setHeader("content-security-policy", POLICY);
  response.setHeader("x-content-type-options", "nosniff");
  response.setHeader("referrer-policy", "no-referrer");
  if (request.headers["if-none-match"] === file.etag) {
    response.writeHead(304).end();
    return;
  }
  const packed = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
  const body = packed ? file.packed : file.plain;
  if (packed) response.setHeader("content-encoding", "gzip");
  response.writeHead(200, { "content-type": file.type, "content-length": body.length });
  response.end(request.method === "HEAD" ? undefined : body);
}

function readFiles(): ReadonlyMap<string, PageFile> {
  const names = Object.keys(webPageFiles) as ReadonlyArray<keyof typeof webPageFiles>;
  return new Map(
    names.map((name) => {
      const plain = Buffer.from(webPageFiles[name]);
      const etag = `"${createHash("sha256").update(plain).digest("base64url").slice(0, 22)}"`;
      const file = { type: TYPES[name], plain, packed: gzipSync(plain), etag };
      return [name === "index.html" ? "/" : `/-/${name}`, file] as const;
    }),
  );
}
