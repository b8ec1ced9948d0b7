import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, request as sendRequest } from "node:http";
import type { AddressInfo } from "node:net";

/** One request that went through. */
export interface Forwarded {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  /** Bytes of the answer that were handed on. */
  answered: number;
  /** Bytes of the body that were handed on. */
  asked: number;
}

/** An HTTP server on loopback that hands everything on to another one, and can be told to get stuck. */
export interface Forwarder extends AsyncDisposable {
  readonly address: string;
  readonly seen: Forwarded[];
  /** Answers to a blob's GET, and the bodies of PATCH, stop after so many bytes of each. */
  stuckAfter: number;
  /** Requests that it answers true for are not handed on, and never answered. */
  swallow: (request: Forwarded) => boolean;
  /** Resolves once `reached` is true. */
  until(reached: () => boolean): Promise<void>;
}

export async function startForwarder(target: string): Promise<Forwarder> {
  const waiting = new Set<() => void>();
  const look = (): void => {
    for (const one of waiting) one();
  };
  const [host, port] = target.split(":");
  const forward = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = "", url = "", headers } = request;
    const seen: Forwarded = { method, url, headers, answered: 0, asked: 0 };
    forwarder.seen.push(seen);
    look();
    if (forwarder.swallow(seen)) return;
    const onward = sendRequest({ host, port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      const limited = method === "GET" && url.includes("/blobs/");
      answer.on("data", (chunk: Buffer) => {
        if (limited && seen.answered + chunk.length > forwarder.stuckAfter) answer.pause();
        else {
          seen.answered += chunk.length;
          response.write(chunk);
        }
        look();
      });
      answer.on("end", () => response.end());
    });
    response.on("close", () => onward.destroy());
    onward.on("error", () => response.destroy()); // either side may go away: that is what the tests are about
    let stuck = false;
    request.on("data", (chunk: Buffer) => {
      // Dropped rather than paused: a client that goes away has to be noticed.
      stuck ||= method === "PATCH" && seen.asked + chunk.length > forwarder.stuckAfter;
      if (!stuck) {
        seen.asked += chunk.length;
        onward.write(chunk);
      }
      look();
    });
    request.on("end", () => {
      if (!stuck) onward.end();
    });
  };
  const server = createServer(forward);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const forwarder: Forwarder = {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: [],
    stuckAfter: Number.POSITIVE_INFINITY,
    swallow: () => false,
    until: (reached) =>
      new Promise((resolve) => {
        const one = (): void => {
          if (!reached()) return;
          waiting.delete(one);
          resolve();
        };
        waiting.add(one);
        one();
      }),
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return forwarder;
}
