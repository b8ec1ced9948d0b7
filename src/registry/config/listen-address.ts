import { isIP } from "node:net";
import { CortenError } from "../../spec/index.ts";

/** Where a server listens. */
export type ListenAddress =
  | { readonly host: string; readonly port: number }
  /** A Unix socket, absolute. */
  | { readonly path: string };

/**
 * Reads `127.0.0.1:5000`, `[::1]:5000`, `registry.example:5000`, `:5000` (every address), `unix:/run/r.sock`.
 *
 * @throws invalid-argument
 */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith("unix:/")) return { path: text.slice("unix:".length) };
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2] ?? "";
  if (match === null || port > 65535 || (match[1] !== undefined && isIP(match[1]) !== 6)) {
    throw new CortenError("invalid-argument", `"${text}" is no address to listen at`, {
      hint: "HOST:PORT, [IPv6]:PORT, :PORT or unix:/PATH",
    });
  }
  return { host: host === "" ? "::" : host, port };
}

/** True when only this machine can reach the address. */
export function isLocal(address: ListenAddress): boolean {
  if ("path" in address) return true;
  return address.host === "localhost" || address.host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(address.host);
}

/** The address as a user writes it into a reference. */
export function describeAddress(address: ListenAddress): string {
  if ("path" in address) return `unix:${address.path}`;
  return `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}
