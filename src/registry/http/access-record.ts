import type { Exchange } from "./exchange.ts";

/** One answered request, for the access log. */
export interface AccessRecord {
  /** When it came, in milliseconds since 1970. */
  readonly time: number;
  /** Milliseconds until it was answered. */
  readonly duration: number;
  readonly method: string;
  /** Without the query, which may hold secrets. */
  readonly path: string;
  readonly status: number;
  /** Bytes of the answer's body; undefined when it was cut. */
  readonly sent: number | undefined;
  /** The client's address, as a trusted proxy tells it. */
  readonly remote: string;
  readonly user?: string;
  readonly agent?: string;
}

/** Tells the operator's listener about a request once it is answered. */
export function recordAccess(exchange: Exchange, path: string): void {
  const { request, response, method, service } = exchange;
  const time = Date.now();
  const started = performance.now();
  const remote = exchange.address;
  response.once("close", () => {
    const agent = request.headers["user-agent"];
    const { name: user } = exchange.identity;
    service.options.onAccess?.({
      time,
      duration: performance.now() - started,
      method,
      path,
      status: response.statusCode,
      sent: response.writableFinished ? exchange.bodyLength : undefined,
      remote,
      ...(user === undefined ? {} : { user }),
      ...(agent === undefined ? {} : { agent }),
    });
  });
}
