import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a receiver got of an event; its first tag. */
interface Told {
  readonly id: string;
  readonly repository: string;
  readonly tag: string;
}

/** A receiver whose answers can be changed; "silence" is none. */
export async function startReceiver() {
  const told: Told[] = [];
  /** Requests that get no answer. */
  const silent: ServerResponse[] = [];
  const state = { answer: 204 as number | "silence" };
  const server = createServer(async (request: IncomingMessage, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    if (state.answer === "silence") {
      silent.push(response);
      return;
    }
    const event = JSON.parse(body);
    if (state.answer < 300)
      told.push({ id: event.id, repository: event.data.repository, tag: event.data.tags[0] });
    response.writeHead(state.answer).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    told,
    silent,
    state,
    async until(condition: () => boolean) {
      while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Pushes an image without layers. */
export async function push(address: string, repository: string, tag: string): Promise<void> {
  const config = Buffer.from(`{"tag":"${tag}"}`);
  const digest = `sha256:${createHash("sha256").update(config).digest("hex")}`;
  const begun = await fetch(`http://${address}/v2/${repository}/blobs/uploads/?digest=${digest}`, {
    method: "POST",
    body: config,
  });
  assert.equal(begun.status, 201);
  const type = "application/vnd.oci.image.manifest.v1+json";
  const put = await fetch(`http://${address}/v2/${repository}/manifests/${tag}`, {
    method: "PUT",
    headers: { "Content-Type": type },
    body: JSON.stringify({
      schemaVersion: 2,
      mediaType: type,
      config: { mediaType: "application/vnd.oci.image.config.v1+json", digest, size: config.length },
      layers: [],
    }),
  });
  assert.equal(put.status, 201, await put.text());
}
