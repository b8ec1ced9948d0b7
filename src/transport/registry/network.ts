import type { LookupFunction } from "node:net";
import { BlockList, isIP, isIPv6 } from "node:net";
import { CortenError } from "../../spec/index.ts";

/** How far an IP address reaches. `local` is what no other machine should be able to make us call. */
export type Reach = "public" | "private" | "local";

/** Loopback, link-local (cloud metadata lives there), unspecified, multicast and reserved addresses. */
const LOCAL = blockList(
  ["0.0.0.0", 8],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["192.0.0.0", 24],
  ["224.0.0.0", 3],
  ["100.100.100.200", 32], // metadata service of Alibaba Cloud, inside the shared range
  ["::", 127],
  ["fe80::", 10],
  ["ff00::", 8],
  ["fd00:ec2::254", 128], // metadata service of AWS over IPv6, inside the unique local range
);

/** Addresses of private networks (RFC 1918, RFC 6598, RFC 4193). */
const PRIVATE = blockList(
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["100.64.0.0", 10],
  ["198.18.0.0", 15],
  ["fc00::", 7],
  ["fec0::", 10],
);

function blockList(...subnets: [address: string, prefix: number][]): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of subnets) list.addSubnet(address, prefix, isIPv6(address) ? "ipv6" : "ipv4");
  return list;
}

/** Classifies an IP address; what is no address counts as `local`, the reach that is refused most. */
export function reachOf(address: string): Reach {
  const ip = embeddedIPv4(address.split("%", 1)[0]!.toLowerCase());
  const family = isIP(ip);
  if (family === 0) return "local";
  const type = family === 6 ? "ipv6" : "ipv4";
  if (LOCAL.check(ip, type)) return "local";
  return PRIVATE.check(ip, type) ? "private" : "public";
}

/** The IPv4 address inside a mapped (RFC 4291) or NAT64 (RFC 6052) IPv6 address; else the input. */
function embeddedIPv4(ip: string): string {
  if (!isIPv6(ip)) return ip;
  // The URL parser writes every IPv6 address in its one shortest form, without dotted parts.
  const short = new URL(`http://[${ip}]`).hostname.slice(1, -1);
  const match = /^(?:::ffff:|::ffff:0:|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short);
  if (match === null) return ip;
  const high = Number.parseInt(match[1]!, 16);
  const low = Number.parseInt(match[2]!, 16);
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

/** The host of a URL, without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

/** True for the names and addresses of this machine: `localhost`, 127.0.0.0/8, `::1`. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/**
 * Lets a request connect only to addresses of the given reaches, whatever its host resolves to. An IP
 * literal is checked now; a name by the returned lookup when the connection is made, so that it cannot
 * change its address in between.
 *
 * @throws permission-denied for an IP literal of another reach
 */
export async function guardedLookup(host: string, reaches: readonly Reach[]): Promise<LookupFunction> {
  const refused = (address: string) =>
    new CortenError("permission-denied", `the registry refers to ${host} (${address}), an internal address`, {
      hint: "only a registry on this machine, or in the same network, may refer to it",
    });
  if (isIP(host) !== 0 && !reaches.includes(reachOf(host))) throw refused(host);
  const dns = await import("node:dns");
  return (name, options, callback) => {
    dns.lookup(name, { ...options, all: true }, (error, addresses) => {
      const bad =
        error === null ? addresses.find(({ address }) => !reaches.includes(reachOf(address))) : undefined;
      const first = addresses?.[0];
      if (error !== null) callback(error, "");
      else if (bad !== undefined) callback(refused(bad.address) as Error, "");
      else if (options.all === true) callback(null, addresses);
      else callback(null, first?.address ?? "", first?.family ?? 4);
    });
  };
}
