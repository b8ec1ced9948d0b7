import type { ClientRequest, IncomingMessage } from "node:http";
import { CortenError } from "../../spec/index.ts";
import { RegistryError, shownUrl } from "./failure.ts";
import type { Body, HttpReply, HttpRequest } from "./http.ts";
import type { Silence } from "./silence.ts";

/** The length of what is sent, also when that is nothing. */
export function bodyHeaders({ method, body }: HttpRequest): Record<string, string> {
  if (body !== undefined)
    return { "content-length": String(body instanceof Uint8Array ? body.length : body.size) };
  return method === "POST" || method === "PUT" || method === "PATCH" ? { "content-length": "0" } : {};
}

/** True for a body that can be sent only once. */
export function isStream(body: Body | undefined): boolean {
  return body !== undefined && !(body instanceof Uint8Array);
}

/** What the content to send threw: no fault of the connection, so not to be told as one. */
export class ContentFailure extends Error {}

/** Writes the body with back-pressure; stops without an error when the server answers before its end. */
export async function sendBody(
  message: ClientRequest,
  body: Body,
  answered: Promise<IncomingMessage>,
  silence: Silence,
): Promise<void> {
  if (body instanceof Uint8Array) {
    message.write(body);
    return;
  }
  let early = false;
  const answer = answered.then(() => {
    early = true;
  });
  answer.catch(() => {}); // raced below; a failure after the last write is seen by the caller's await
  let sent = 0;
  for await (const chunk of blamed(body.content)) {
    if (early) return;
    sent += chunk.length;
    if (sent > body.size) break;
    silence.watch();
    if (!message.write(chunk)) {
      const drained = new Promise<void>((resolve) => message.once("drain", resolve));
      await Promise.race([drained, answer]);
    }
  }
  if (sent !== body.size && !early) {
    const found = sent > body.size ? "more" : `only ${sent}`;
    throw new CortenError(
      "data-loss",
      `the content to send has ${found} bytes where ${body.size} were announced`,
    );
  }
}

async function* blamed(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = content[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await iterator.next().catch((cause: unknown) => {
        throw new ContentFailure("the content to send cannot be read", { cause });
      });
      if (done === true) return;
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}

/**
 * Reads a whole body.
 *
 * @throws resource-exhausted beyond `limit` bytes
 */
export async function readAll(reply: HttpReply, limit: number): Promise<Uint8Array> {
  const announced = Number(reply.headers["content-length"] ?? 0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of reply.body) {
    size += chunk.length;
    if (size > limit || announced > limit) {
      throw new CortenError(
        "resource-exhausted",
        `the answer of ${shownUrl(reply.url)} is larger than ${limit} bytes`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Reads at most `limit` bytes of a body as text, for an error message, and drops the rest. */
export async function readStart(reply: HttpReply, limit: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of reply.body) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= limit) break;
    }
  } catch (error) {
    // The status is what matters; of a body that was cut, the part that came is quoted.
    if (!(error instanceof RegistryError)) throw error;
  }
  return Buffer.concat(chunks).subarray(0, limit).toString("utf8");
}
