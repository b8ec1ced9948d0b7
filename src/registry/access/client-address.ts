import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import type { JsonView } from "../../spec/index.ts";
import { text } from "./settings.ts";

/** Proxies whose word about the client is believed. */
export class TrustedProxies {
  readonly #proxies = new BlockList();

  /** Reads a list of addresses and networks, `10.0.0.0/8`. */
  constructor(view: JsonView) {
    if (view.absent) return;
    for (const item of view.items()) {
      const [address = "", length] = text(item).split("/");
      const family = isIP(address);
      const most = family === 4 ? 32 : 128;
      const prefix = length === undefined ? most : Number(length);
      if (family === 0 || !/^\d{1,3}$/.test(length ?? "0") || prefix > most) {
        throw item.fault("is no address or network", "e.g. 10.0.0.0/8");
      }
      this.#proxies.addSubnet(address, prefix, family === 4 ? "ipv4" : "ipv6");
    }
  }

  /** The address of the client: the last one that no trusted proxy added. Others in the header may be made up. */
  clientAddress(request: IncomingMessage): string {
    let address = plain(request.socket.remoteAddress ?? "local");
    const forwarded = header(request, "x-forwarded-for").split(",");
    while (this.#trusts(address)) {
      const next = plain(forwarded.pop()?.trim() ?? "");
      if (isIP(next) === 0) break;
      address = next;
    }
    return address;
  }

  /** True when the client sees this server by https. */
  isEncrypted(request: IncomingMessage): boolean {
    if ((request.socket as Partial<TLSSocket>).encrypted === true) return true;
    const proxy = plain(request.socket.remoteAddress ?? "local");
    return this.#trusts(proxy) && header(request, "x-forwarded-proto").split(",")[0]?.trim() === "https";
  }

  #trusts(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#proxies.check(address, family === 4 ? "ipv4" : "ipv6");
  }
}

function header(request: IncomingMessage, name: string): string {
  return String(request.headers[name] ?? "");
}

function plain(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address;
}
