import type { RequestOptions } from "node:http";
import type { AgentOptions } from "node:https";
import { Agent } from "node:https";
import { connect as connectTcp, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { CortenError } from "../../spec/index.ts";
import { hostOf } from "./network.ts";
import { proxyAuthorization } from "./proxy.ts";

/** Longest answer of a proxy to CONNECT. */
const MAX_HEAD = 16 * 1024;

/** Makes TLS connections through a proxy's CONNECT (RFC 9110, section 9.3.6): the proxy sees no content. */
export class TunnelAgent extends Agent {
  readonly #proxy: URL;

  constructor(proxy: URL, options: AgentOptions) {
    super(options);
    this.#proxy = proxy;
  }

  override createConnection(
    options: RequestOptions & { servername?: string },
    callback?: (error: Error | null, stream: Duplex) => void,
  ): null {
    const done = callback as (error: Error | null, stream?: Duplex) => void;
    this.#tunnel(`${bracketed(options.host ?? "")}:${options.port ?? 443}`, (error, socket) => {
      if (socket === undefined) {
        done(error);
        return;
      }
      const {
        servername = options.host,
        secureContext,
        rejectUnauthorized,
      } = { ...this.options, ...options };
      const tls = connectTls({
        socket,
        ...(servername ? { servername } : {}),
        ...(secureContext === undefined ? {} : { secureContext }),
        ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
      });
      tls.once("error", done);
      tls.once("secureConnect", () => {
        tls.off("error", done);
        done(null, tls);
      });
    });
    return null;
  }

  /** Opens a connection to `target` through the proxy. */
  #tunnel(target: string, done: (error: Error | null, socket?: Socket) => void): void {
    const { protocol, port } = this.#proxy;
    const host = hostOf(this.#proxy);
    const socket =
      protocol === "https:"
        ? connectTls({ host, port: Number(port || 443), servername: host })
        : connectTcp({ host, port: Number(port || 80) });
    let head = "";
    const failed = (error: Error): void => {
      socket.destroy();
      done(error);
    };
    const read = (chunk: Buffer): void => {
      head += chunk.toString("latin1");
      const complete = head.includes("\r\n\r\n");
      if (!complete && head.length < MAX_HEAD) return;
      socket.off("data", read);
      socket.off("error", failed);
      socket.off("close", closed);
      socket.pause();
      if (complete && /^HTTP\/1\.[01] 2[0-9]{2} /.test(head)) done(null, socket);
      else failed(this.#refusal(target, head));
    };
    const closed = (): void => failed(this.#refusal(target, "nothing"));
    socket.on("data", read);
    socket.once("error", failed);
    socket.once("close", closed);
    const headers = { host: target, ...proxyAuthorization(this.#proxy) };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`CONNECT ${target} HTTP/1.1\r\n${lines.join("")}\r\n`);
  }

  #refusal(target: string, head: string): CortenError {
    const answer = head
      .split("\r\n", 1)[0]!
      .replace(/[^\x20-\x7e]/g, "?")
      .slice(0, 100);
    return new CortenError(
      "unavailable",
      `the proxy ${this.#proxy.host} answered a connection to ${target} with "${answer}"`,
    );
  }
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
