import { CortenError } from "../../spec/index.ts";
import type { HttpReply } from "./http.ts";

/**
 * The next page that a `Link` header names (RFC 8288); undefined on the last one.
 *
 * @param seen the pages that were named before; a registry that leads in a circle is an error
 * @throws unavailable for such a circle
 */
export function nextPage(reply: HttpReply, seen: Set<string>, what: string): URL | undefined {
  const header = [reply.headers["link"] ?? []].flat().join(", ");
  for (const [, target = "", parameters = ""] of header.matchAll(/<([^<>]{1,8192})>([^<]*)/g)) {
    if (!/;\s*rel\s*=\s*"?next"?(?:[\s;,]|$)/i.test(parameters)) continue;
    if (!URL.canParse(target, reply.url)) return undefined;
    const url = new URL(target, reply.url);
    if (seen.has(url.href)) {
      throw new CortenError("unavailable", `${what}: the registry's pages lead in a circle`, {
        retryable: false,
      });
    }
    seen.add(url.href);
    return url;
  }
  return undefined;
}
