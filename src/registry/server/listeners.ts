import { rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { connect, type Server } from "node:net";
import { CortenError } from "../../spec/index.ts";
import { openTlsServer } from "../access/tls-server.ts";
import { describeAddress, type ListenAddress } from "../config/listen-address.ts";
import type { TlsSettings } from "../config/registry-config.ts";

/** A connection without a request is closed after this; longer than load balancers keep theirs. */
const KEEP_ALIVE_MS = 75_000;
/** The head of a request must come within this; its body may take as long as it does. */
const HEADERS_MS = 60_000;

/** Something that listens. */
export interface Listener extends AsyncDisposable {
  /** Where, with the port that the kernel chose when 0 was asked for. */
  readonly address: ListenAddress;
  /** Takes no more connections, and ends those without a request. */
  stop(): void;
  /** Reads certificates again. */
  reload(): Promise<void>;
}

/** Begins to listen. @throws failed-precondition when the address cannot be had */
export async function listen(
  address: ListenAddress,
  handler: RequestListener,
  tls: TlsSettings | undefined,
  onReloadError: (error: CortenError) => void,
): Promise<Listener> {
  if (tls !== undefined) {
    const secure = await openTlsServer({ ...tls, handler, onReloadError });
    const { server } = secure;
    return {
      address: await bind(server, address),
      stop() {
        server.close();
        secure.closeIdleConnections();
      },
      reload: () => secure.reload(),
      [Symbol.asyncDispose]: () => secure[Symbol.asyncDispose](),
    };
  }
  const server = createServer(
    { requestTimeout: 0, headersTimeout: HEADERS_MS, keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true },
    handler,
  );
  return {
    address: await bind(server, address),
    stop() {
      server.close();
      server.closeIdleConnections();
    },
    reload: async () => undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bind(server: Server, address: ListenAddress): Promise<ListenAddress> {
  if ("path" in address) await removeStaleSocket(address.path);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      reject(
        new CortenError(
          "failed-precondition",
          `cannot listen at ${describeAddress(address)}: ${cause.code}`,
          {
            cause,
            ...(cause.code === undefined ? {} : { errno: cause.code }),
            ...(cause.code === "EADDRINUSE"
              ? { hint: "another server has that address: choose another port" }
              : {}),
          },
        ),
      );
    });
    server.listen(address, () => resolve());
  });
  const bound = server.address();
  return bound === null || typeof bound === "string" ? address : { host: bound.address, port: bound.port };
}

/** A socket that a killed server left stands in the way; one that answers does not get removed. */
async function removeStaleSocket(path: string): Promise<void> {
  const alive = await new Promise<boolean>((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "ECONNREFUSED"));
  });
  if (!alive) rmSync(path, { force: true });
}
