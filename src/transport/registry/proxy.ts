import { BlockList, isIP } from "node:net";
import { CortenError } from "../../spec/index.ts";
import { hostOf, isLoopback } from "./network.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy through which `url` is reached, by the variables that curl and Go's programs read:
 * `HTTPS_PROXY` or `HTTP_PROXY` by the scheme of `url`, but for the hosts in `NO_PROXY` and this machine.
 *
 * @throws failed-precondition when the variable holds no http or https URL
 */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const value = environment[name] || environment[name.toLowerCase()];
  if (!value || isLoopback(hostOf(url))) return undefined;
  if (isExcepted(url, environment["NO_PROXY"] || environment["no_proxy"] || "")) return undefined;
  const text = value.includes("://") ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy?.protocol === "http:" || proxy?.protocol === "https:") return proxy;
  throw new CortenError("failed-precondition", `${name} is not the URL of an http or https proxy`);
}

/** Go's rules: `a.b` covers a.b and what is below it, `.a.b` only what is below, `*` everything. */
function isExcepted(url: URL, list: string): boolean {
  const host = hostOf(url);
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return list
    .split(",")
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry === "*" || (entry !== "" && covers(entry, host, port)));
}

function covers(entry: string, host: string, port: string): boolean {
  const [subnet, prefix] = entry.split("/") as [string, string?];
  if (prefix !== undefined)
    return isIP(subnet) === isIP(host) && isIP(host) !== 0 && inSubnet(host, subnet, Number(prefix));
  if (isIP(entry) !== 0) return entry === host;
  const [, name, only] = /^(.*?)(?::([0-9]+))?$/.exec(entry)!;
  if (only !== undefined && only !== port) return false;
  const bare = name!.replace(/^\[|\]$/g, "").replace(/^\*(?=\.)/, "");
  return bare.startsWith(".") ? host.endsWith(bare) : host === bare || host.endsWith(`.${bare}`);
}

function inSubnet(host: string, subnet: string, prefix: number): boolean {
  const type = isIP(host) === 6 ? "ipv6" : "ipv4";
  if (!(prefix >= 0 && prefix <= (type === "ipv6" ? 128 : 32))) return false;
  const list = new BlockList();
  list.addSubnet(subnet, prefix, type);
  return list.check(host, type);
}

/** The Proxy-Authorization header for the user in a proxy's URL, if there is one. */
export function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === "" && proxy.password === "") return {};
  const user = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(user, "utf8").toString("base64")}` };
}
