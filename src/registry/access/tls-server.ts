import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { createServer as createHttpServer, type Server as HttpServer, type RequestListener } from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import type { Server as NetServer } from "node:net";
import { createServer as createSecureServer, type Server as SecureServer, type TlsOptions } from "node:tls";
import { CortenError } from "../../spec/index.ts";

/** Files of a TLS server, PEM. */
export interface TlsFiles {
  /** The server's certificate, then those between it and its authority. */
  readonly certificate: string;
  readonly key: string;
  /** Authorities whose client certificates are accepted; absent when none are asked for. */
  readonly clientAuthorities?: string;
}

/** Options of {@link openTlsServer}. */
export interface TlsServerOptions extends TlsFiles {
  readonly handler: RequestListener;
  /** True when whoever has no verified client certificate is refused in the handshake. Default false. */
  readonly requireClientCertificate?: boolean;
  /** Milliseconds between looks at the files. Default 10 s. */
  readonly reloadInterval?: number;
  /** Told when changed files cannot be used; the old ones stay. */
  readonly onReloadError?: (error: CortenError) => void;
}

/** An https server whose certificates may be replaced while it runs. */
export interface TlsServer extends AsyncDisposable {
  /** To listen with, and to be closed with `closeAllConnections` first. */
  readonly server: NetServer;
  /** Ends connections that no request uses. */
  closeIdleConnections(): void;
  /** Ends connections at once. */
  closeAllConnections(): void;
  /** Reads the files again, now. @throws failed-precondition */
  reload(): Promise<void>;
}

/**
 * An https server that looks at its files again and again: certificates of a few weeks are renewed by others. An open
 * connection keeps what it began with.
 *
 * @throws failed-precondition when a file cannot be used
 */
export async function openTlsServer(options: TlsServerOptions): Promise<TlsServer> {
  const { handler, clientAuthorities, requireClientCertificate = false } = options;
  let version = await versionOf(options);
  const settings: TlsOptions = {
    ...(await readFiles(options)),
    minVersion: "TLSv1.2",
    ALPNProtocols: ["http/1.1"],
    requestCert: clientAuthorities !== undefined,
    rejectUnauthorized: requireClientCertificate,
  };
  const { server, http } = create(settings, handler);
  // A handshake that fails is the client's trouble.
  server.on("tlsClientError", (_, socket) => socket.destroy());
  const reload = async (): Promise<void> => {
    const seen = await versionOf(options);
    const files = await readFiles(options);
    server.setSecureContext({ ...settings, ...files });
    version = seen;
  };
  let reported = "";
  const look = async (): Promise<void> => {
    try {
      if ((await versionOf(options)) !== version) await reload();
      reported = "";
    } catch (error) {
      // Told once for each change, not at each look.
      if (String(error) !== reported) options.onReloadError?.(error as CortenError);
      reported = String(error);
    }
  };
  const timer = setInterval(() => void look(), options.reloadInterval ?? 10_000);
  timer.unref();
  return {
    server,
    reload,
    closeIdleConnections: () => http.closeIdleConnections(),
    closeAllConnections: () => http.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      http.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * Bun's https server tells nothing of a client's certificate and keeps the one of its own that it started with. There
 * connections come from `node:tls` and are handed to an HTTP server; Node would not apply its time limits to those.
 */
function create(
  settings: TlsOptions,
  handler: RequestListener,
): { readonly server: SecureServer; readonly http: HttpServer | HttpsServer } {
  const https = createHttpsServer(settings, handler);
  if (typeof (https as Partial<HttpsServer>).setSecureContext === "function")
    return { server: https, http: https };
  const http = createHttpServer(handler);
  return { server: createSecureServer(settings, (socket) => http.emit("connection", socket)), http };
}

/** Reads and checks the files: a certificate with another one's key would fail in each handshake only. */
async function readFiles({ certificate, key, clientAuthorities }: TlsFiles): Promise<TlsOptions> {
  try {
    const cert = await readFile(certificate);
    const secret = await readFile(key);
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(secret))) {
      throw new Error("they do not belong together");
    }
    if (clientAuthorities === undefined) return { cert, key: secret };
    const ca = await readFile(clientAuthorities);
    // Without a certificate in it, the authorities of the whole world would be asked.
    new X509Certificate(ca);
    return { cert, key: secret, ca };
  } catch (cause) {
    throw unusable(
      { certificate, key, ...(clientAuthorities === undefined ? {} : { clientAuthorities }) },
      cause,
    );
  }
}

/** Changes when one of the files does. */
async function versionOf({ certificate, key, clientAuthorities }: TlsFiles): Promise<string> {
  const paths = [certificate, key, ...(clientAuthorities === undefined ? [] : [clientAuthorities])];
  try {
    const found = await Promise.all(paths.map((path) => stat(path, { bigint: true })));
    return found.map(({ ino, size, mtimeNs }) => `${ino}:${size}:${mtimeNs}`).join(" ");
  } catch (cause) {
    throw unusable({ certificate, key }, cause);
  }
}

function unusable({ certificate, key, clientAuthorities }: TlsFiles, cause: unknown): CortenError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const authorities = clientAuthorities === undefined ? "" : ` and client authorities ${clientAuthorities}`;
  return new CortenError(
    "failed-precondition",
    `cannot use certificate ${certificate} with key ${key}${authorities}: ${why}`,
    { cause },
  );
}
