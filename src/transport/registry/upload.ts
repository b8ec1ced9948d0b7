import type { Descriptor } from "../../spec/index.ts";
import { CortenError, isCortenError } from "../../spec/index.ts";
import type { WriteBlobOptions } from "../place.ts";
import type { ApiRequest, RegistryClient } from "./client.ts";
import { parseUploadRange } from "./content-range.ts";
import { RegistryError } from "./failure.ts";
import type { HttpReply } from "./http.ts";
import { pauseAfter } from "./retry.ts";
import type { UploadEntry } from "./upload-journal.ts";

/** Times that an upload is begun anew because the registry has forgotten the one before. */
const MAX_SESSIONS = 3;

/** What {@link Upload} needs to know of the blob and of how it is to be sent. */
export interface UploadRequest {
  readonly descriptor: Descriptor;
  readonly reopen: NonNullable<WriteBlobOptions["reopen"]>;
  readonly entry: UploadEntry;
  /** Bytes of one request; undefined sends all the rest in one. */
  readonly chunkSize: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** Begins a session; undefined when the registry found the blob meanwhile. */
  readonly begin: () => Promise<HttpReply | undefined>;
  /** Whether the registry has the blob. */
  readonly isThere: () => Promise<boolean>;
}

/** Where a session goes on: the URL for the next request, and the bytes that the registry has. */
interface Session {
  readonly location: URL;
  readonly offset: number;
}

/**
 * One blob on its way into a registry, piece by piece (distribution-spec, "Pushing a blob in chunks"). The session's URL
 * stands in a journal, so that after a cut the registry can be asked how much it has, by this process or a later one,
 * and gets the rest. A registry that has forgotten the session gets the blob anew.
 */
export class Upload {
  readonly #client: RegistryClient;
  readonly #request: UploadRequest;
  readonly #what: string;
  #minChunk = 0;

  constructor(client: RegistryClient, request: UploadRequest) {
    this.#client = client;
    this.#request = request;
    this.#what = `push blob ${request.descriptor.digest} to ${client.name}`;
  }

  async run(): Promise<void> {
    const { entry } = this.#request;
    let session = entry.location === undefined ? undefined : await this.#askEarlier(entry.location);
    for (let sessions = 1; ; sessions++) {
      const resumed = session !== undefined;
      session ??= await this.#begin();
      if (session === undefined || (await this.#finish(session, resumed))) break;
      if (sessions === MAX_SESSIONS) {
        throw new CortenError("unavailable", `${this.#what}: the registry forgets each upload that is begun`);
      }
      session = undefined;
    }
    entry.forget();
  }

  async #begin(): Promise<Session | undefined> {
    const reply = await this.#request.begin();
    if (reply === undefined) return undefined;
    const least = Number(reply.headers["oci-chunk-min-length"] ?? 0);
    if (Number.isSafeInteger(least) && least > 0) this.#minChunk = least;
    return this.#remember({ location: uploadLocation(reply, this.#what), offset: 0 });
  }

  /**
   * Sends what is missing and closes the session; false when that has to be done in a new one: the registry does not
   * know this one any more, or it is an earlier process's and leads nowhere, as where its connection still counts as open.
   */
  async #finish(first: Session, resumed: boolean): Promise<boolean> {
    const { size } = this.#request.descriptor;
    let session = first;
    for (let failures = 0; session.offset < size; ) {
      const before = session.offset;
      try {
        session = this.#remember(await this.#sendChunk(session));
        failures = 0;
      } catch (error) {
        failures++;
        if (isCortenError(error, "not-found")) return false;
        const outOfStep = error instanceof RegistryError && error.status === 416;
        const stuck = failures >= this.#client.retry.attempts || isConflict(error);
        if (stuck && resumed && session.offset === first.offset) return false;
        if (stuck) throw error;
        if (!outOfStep) await pauseAfter(error, failures, this.#client.retry, this.#request.signal);
        const asked = await this.#ask(session.location);
        if (asked === undefined) return false;
        session = this.#remember(asked);
        if (session.offset > before) failures = 0;
      }
    }
    return this.#close(session, resumed);
  }

  async #sendChunk({ location, offset }: Session): Promise<Session> {
    const { descriptor, chunkSize, reopen, entry } = this.#request;
    const { size } = descriptor;
    const length = Math.min(size - offset, Math.max(chunkSize ?? size, this.#minChunk));
    const whole = offset === 0 && length === size;
    const content = firstBytes(reopen(offset), length, () => entry.renew());
    let reply: HttpReply;
    try {
      reply = await this.#send({
        method: "PATCH",
        path: location,
        headers: {
          "content-type": "application/octet-stream",
          // A single chunk goes without, as Docker sends it: some registries know no other form.
          ...(whole ? {} : { "content-range": `${offset}-${offset + length - 1}` }),
        },
        body: { size: length, content },
        expect: [202, 201, 204],
      });
    } finally {
      await content.return();
    }
    const stored = parseUploadRange(headerOf(reply, "range"));
    const sent = offset + length;
    // What the registry says to have counts where it is less: the rest is sent again.
    const end = stored !== undefined && stored > offset && stored < sent ? stored : sent;
    return { location: uploadLocation(reply, this.#what), offset: end };
  }

  async #close({ location }: Session, resumed: boolean): Promise<boolean> {
    const { entry, isThere, descriptor } = this.#request;
    const closing = new URL(location);
    closing.searchParams.set("digest", descriptor.digest);
    const headers = { "content-type": "application/octet-stream" };
    try {
      await this.#send({ method: "PUT", path: closing, headers, expect: [201, 204] });
      return true;
    } catch (error) {
      // A session that is gone may have been closed by the request whose answer was lost.
      if (isCortenError(error, "not-found")) return isThere();
      if (!isConflict(error)) throw error;
      // What the session holds is not the blob, so nobody is to go on with it; what an earlier process sent may be to blame.
      entry.forget();
      if (resumed) return false;
      throw error;
    }
  }

  /** An earlier process's session. Whatever is wrong with it (its host may be gone), a new one can be begun. */
  async #askEarlier(location: string): Promise<Session | undefined> {
    if (!URL.canParse(location)) return undefined;
    try {
      return await this.#ask(new URL(location));
    } catch (error) {
      this.#request.signal?.throwIfAborted();
      if (!isCortenError(error, "unavailable") && !isCortenError(error, "permission-denied")) throw error;
      return undefined;
    }
  }

  /** How much of a session the registry has; undefined when it does not know the session. */
  async #ask(location: URL): Promise<Session | undefined> {
    const { size } = this.#request.descriptor;
    let reply: HttpReply;
    try {
      reply = await this.#send({ method: "GET", path: location, expect: [204, 202, 200] });
    } catch (error) {
      const gone = error instanceof RegistryError && error.status >= 400 && error.status < 500;
      if (gone && error.status !== 401 && error.status !== 403 && error.status !== 429) return undefined;
      throw error;
    }
    const offset = parseUploadRange(headerOf(reply, "range"));
    if (offset === undefined || offset > size) return undefined;
    return { location: uploadLocation(reply, this.#what, location), offset };
  }

  #remember(session: Session): Session {
    this.#request.entry.remember(session.location.href);
    return session;
  }

  async #send(
    request: Pick<ApiRequest, "method" | "path" | "headers" | "body" | "expect">,
  ): Promise<HttpReply> {
    const { signal } = this.#request;
    const reply = await this.#client.request({ ...request, actions: "pull,push", what: this.#what, signal });
    reply.drop();
    return reply;
  }
}

/**
 * The URL for the next request of an upload.
 *
 * @param fallback what it is where the answer does not say
 * @throws unavailable when nothing says it
 */
export function uploadLocation(reply: HttpReply, what: string, fallback?: URL): URL {
  const { location } = reply.headers;
  if (location === undefined && fallback !== undefined) return fallback;
  if (location === undefined || !URL.canParse(location, reply.url)) {
    throw new CortenError("unavailable", `${what}: the registry does not say where to upload to`, {
      retryable: false,
    });
  }
  return new URL(location, reply.url);
}

/** 400 or 409: the registry does not take this request in this session. */
function isConflict(error: unknown): boolean {
  return error instanceof RegistryError && (error.status === 400 || error.status === 409);
}

function headerOf({ headers }: HttpReply, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
}

/** The first `length` bytes; `each` is called before each chunk. */
async function* firstBytes(
  content: AsyncIterable<Uint8Array>,
  length: number,
  each: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = length;
  for await (const chunk of content) {
    each();
    const wanted = chunk.subarray(0, left);
    left -= wanted.length;
    if (wanted.length > 0) yield wanted;
    // Not left before the end of the content: there it is that a store notices damage.
    if (left === 0 && wanted.length < chunk.length) return;
  }
}
