/** What a path below `/v2/` names. Names and digests are not checked here: a handler knows which error that is. */
export type Route =
  | { readonly kind: "root" }
  | { readonly kind: "catalog" }
  | { readonly kind: "blob"; readonly repository: string; readonly digest: string }
  | { readonly kind: "uploads"; readonly repository: string }
  | { readonly kind: "upload"; readonly repository: string; readonly id: string }
  | { readonly kind: "manifest"; readonly repository: string; readonly reference: string }
  | { readonly kind: "tags"; readonly repository: string }
  | { readonly kind: "referrers"; readonly repository: string; readonly digest: string };

/**
 * Reads a path from its end, because the repository's name may have components that are also words of
 * the protocol (`/v2/manifests/blobs/manifests/latest`).
 *
 * @param path begins with `/v2/`, without the query
 * @returns undefined when the path names nothing
 */
export function parseRoute(path: string): Route | undefined {
  if (path.length === 4) return { kind: "root" };
  if (path === "/v2/_catalog") return { kind: "catalog" };
  const last = path.lastIndexOf("/");
  const middle = path.lastIndexOf("/", last - 1);
  if (middle <= 3) return undefined;
  const end = path.slice(last + 1);
  switch (path.slice(middle + 1, last)) {
    case "manifests":
      return { kind: "manifest", repository: path.slice(4, middle), reference: decoded(end) };
    case "blobs":
      // The uploads without the slash at their end, as some clients have it.
      if (end === "uploads") return { kind: "uploads", repository: path.slice(4, middle) };
      return { kind: "blob", repository: path.slice(4, middle), digest: decoded(end) };
    case "referrers":
      return { kind: "referrers", repository: path.slice(4, middle), digest: decoded(end) };
    case "tags":
      return end === "list" ? { kind: "tags", repository: path.slice(4, middle) } : undefined;
    case "uploads": {
      const repositoryEnd = middle - "/blobs".length;
      if (repositoryEnd <= 3 || !path.startsWith("/blobs", repositoryEnd)) return undefined;
      const repository = path.slice(4, repositoryEnd);
      return end === "" ? { kind: "uploads", repository } : { kind: "upload", repository, id: end };
    }
    default:
      return undefined;
  }
}

function decoded(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // no digest and no tag either: the handler says so
  }
}
