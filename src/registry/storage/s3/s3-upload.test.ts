import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { S3Blobs } from "./s3-blobs.ts";

const PART = 5 * 1024 * 1024;

test("an upload whose second part was lost ends with the first, for whoever goes on", async () => {
  const objects = new Map<string, Buffer>();
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "", "http://localhost");
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const number = url.searchParams.get("partNumber");
    if (request.method === "POST") {
      response.end("<InitiateMultipartUploadResult><UploadId>one</UploadId></InitiateMultipartUploadResult>");
    } else if (request.method === "PUT") {
      if (number === null) objects.set(url.pathname, Buffer.concat(chunks));
      response.writeHead(number === "2" ? 500 : 200, { etag: `"${number}"` }).end();
    } else {
      const object = objects.get(url.pathname);
      response.writeHead(object === undefined ? 404 : 200).end(object);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  {
    await using blobs = new S3Blobs({
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      bucket: "blobs",
      credentials: { accessKeyId: "key", secretAccessKey: "secret" },
      attempts: 1,
      partSize: PART,
    });
    const key = randomUUID();
    const append = async () => {
      await using upload = await blobs.openUpload(key, "sha256");
      for (let part = 0; part < 5; part++) await upload.append(randomBytes(PART));
    };
    await assert.rejects(append(), { code: "unavailable" });
    await using upload = await blobs.openUpload(key, "sha256");
    assert.equal(upload.size, PART);
  }
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
