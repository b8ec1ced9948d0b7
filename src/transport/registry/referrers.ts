import type { Descriptor, Digest, ImageIndex } from "../../spec/index.ts";
import { CortenError, MAX_DOCUMENT_SIZE, MediaType, parseDigest, parseIndex } from "../../spec/index.ts";
import type { TransportOptions } from "../place.ts";
import type { ReferrerOptions } from "../referrer.ts";
import { MAX_REFERRERS, ReferrerList, referrersTag } from "../referrer.ts";
import type { RegistryClient } from "./client.ts";
import type { HttpReply } from "./http.ts";
import { readAll } from "./http-body.ts";
import { nextPage } from "./link.ts";

const MAX_PAGES = 1000;
/** Two who add to one list at the same time: the second one's look at the result finds out. */
const MAX_UPDATES = 8;

/**
 * The manifests of a repository that are about `digest` (distribution-spec, "Listing Referrers"), from the
 * registry's own list, or from the tag that clients keep where the registry has none.
 *
 * @throws resource-exhausted for more than ten thousand; what the validators throw for a bad list
 */
export async function listReferrers(
  client: RegistryClient,
  digest: Digest,
  options: ReferrerOptions = {},
): Promise<readonly Descriptor[]> {
  const { signal, artifactType } = options;
  const what = `list referrers of ${digest} in ${client.name}`;
  const list = new ReferrerList(what, options);
  const seen = new Set<string>();
  const query = artifactType === undefined ? "" : `?${new URLSearchParams({ artifactType })}`;
  let path: string | URL | undefined = `${pathOf(client)}/referrers/${parseDigest(digest)}${query}`;
  for (let page = 0; path !== undefined; page++) {
    if (page === MAX_PAGES)
      throw new CortenError("resource-exhausted", `${what}: more than ${MAX_PAGES} pages`);
    const request = {
      method: "GET",
      path,
      headers: { accept: MediaType.imageIndex },
      actions: "pull",
      expect: page === 0 ? [200, 400, 404, 405] : [200],
      what,
      signal,
    } as const;
    const reply: HttpReply = await client.request(request);
    if (reply.status !== 200) {
      reply.drop();
      list.add((await fallbackList(client, digest, { signal, actions: "pull" }))?.index.manifests ?? []);
      break;
    }
    // Filters are the client's work in any case: a registry need not know them.
    list.add(parseIndex(await readAll(reply, MAX_DOCUMENT_SIZE), undefined, { what }).manifests);
    path = nextPage(reply, seen, what);
  }
  return list.descriptors;
}

/**
 * Adds a manifest to the list that a tag keeps for its subject, where the registry keeps none itself
 * (distribution-spec, "Pushing Manifests with Subject"). What others add meanwhile stays.
 *
 * @throws unavailable when others were faster each time; resource-exhausted when the list is full
 */
export async function addFallbackReferrer(
  client: RegistryClient,
  subject: Digest,
  referrer: Descriptor,
  { signal }: TransportOptions = {},
): Promise<void> {
  for (let update = 0; update < MAX_UPDATES; update++) {
    // What is to be written is read where it will be written, not from a mirror that may be behind.
    const present = await fallbackList(client, subject, { signal, actions: "pull,push" });
    const entries = present?.index.manifests ?? [];
    if (entries.some(({ digest }) => digest === referrer.digest)) return;
    if (entries.length >= MAX_REFERRERS) {
      throw new CortenError(
        "resource-exhausted",
        `${client.name}: ${subject} has ${entries.length} referrers`,
      );
    }
    await putList(client, subject, [...entries, referrer], present?.etag, signal);
  }
  throw new CortenError(
    "unavailable",
    `${client.name}: the list of referrers of ${subject} changes all the time`,
  );
}

async function fallbackList(
  client: RegistryClient,
  digest: Digest,
  { signal, actions }: { readonly signal: AbortSignal | undefined; readonly actions: "pull" | "pull,push" },
): Promise<{ readonly index: ImageIndex; readonly etag: string | undefined } | undefined> {
  const tag = referrersTag(digest);
  const what = `read the referrers of ${digest} in ${client.name}`;
  const reply = await client.request({
    method: "GET",
    path: `${pathOf(client)}/manifests/${tag}`,
    headers: { accept: MediaType.imageIndex },
    actions,
    expect: [200, 404],
    what,
    signal,
  });
  if (reply.status === 404) {
    reply.drop();
    return undefined;
  }
  const { etag } = reply.headers;
  return { index: parseIndex(await readAll(reply, MAX_DOCUMENT_SIZE), undefined, { what }), etag };
}

/** Writes the list; where another has changed it since it was read, nothing is written. */
async function putList(
  client: RegistryClient,
  subject: Digest,
  manifests: readonly Descriptor[],
  etag: string | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const index = { schemaVersion: 2, mediaType: MediaType.imageIndex, manifests };
  const reply = await client.request({
    method: "PUT",
    path: `${pathOf(client)}/manifests/${referrersTag(subject)}`,
    headers: { "content-type": MediaType.imageIndex, ...(etag === undefined ? {} : { "if-match": etag }) },
    body: new TextEncoder().encode(JSON.stringify(index)),
    actions: "pull,push",
    expect: [200, 201, 202, 204, 412],
    what: `add to the referrers of ${subject} in ${client.name}`,
    signal,
  });
  reply.drop();
}

function pathOf({ reference }: RegistryClient): string {
  return `/v2/${reference.repository}`;
}
