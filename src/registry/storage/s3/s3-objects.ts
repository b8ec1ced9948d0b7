import type { IncomingMessage } from "node:http";
import type { ByteRange, StoredFile } from "../blob-storage.ts";
import type { S3Client } from "./s3-client.ts";
import { elementsOf, textOf } from "./xml.ts";

/** The size of an object; undefined when it is not there. */
export async function objectSize(client: S3Client, key: string): Promise<number | undefined> {
  const { status, headers } = await client.send({ method: "HEAD", key, expected: [404] });
  return status === 404 ? undefined : Number(headers["content-length"]);
}

/** Opens an object to be read, whole or a range of it; undefined when it is not there. */
export async function openObject(
  client: S3Client,
  key: string,
  range?: ByteRange,
): Promise<IncomingMessage | undefined> {
  const headers = range === undefined ? {} : { range: `bytes=${range.start}-${range.end - 1}` };
  return client.open({ method: "GET", key, headers });
}

export async function putObject(client: S3Client, key: string, body: Uint8Array): Promise<void> {
  await client.send({ method: "PUT", key, body });
}

/** Removes an object; S3 does not mind when it is not there. */
export async function removeObject(client: S3Client, key: string): Promise<void> {
  await client.send({ method: "DELETE", key, expected: [404] });
}

/** The objects whose key begins with `prefix`, by key without it. */
export async function* listObjects(
  client: S3Client,
  prefix: string,
): AsyncGenerator<StoredFile, void, undefined> {
  let after: Record<string, string> = {};
  for (;;) {
    const query = { "list-type": "2", prefix: client.absolute(prefix), "encoding-type": "url", ...after };
    const { text } = await client.send({ method: "GET", query });
    for (const found of elementsOf(text, "Contents")) {
      const key = client.relative(decodeURIComponent((textOf(found, "Key") ?? "").replaceAll("+", " ")));
      if (key?.startsWith(prefix) !== true) continue;
      yield {
        key: key.slice(prefix.length),
        size: Number(textOf(found, "Size")),
        modified: Date.parse(textOf(found, "LastModified") ?? "") || 0,
      };
    }
    const next = textOf(text, "NextContinuationToken");
    if (textOf(text, "IsTruncated") !== "true" || next === undefined) return;
    after = { "continuation-token": next };
  }
}
