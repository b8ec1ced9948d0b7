import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { isCortenError, parseReference } from "../../spec/index.ts";
import { describe, pieces } from "../testing-image.ts";
import { parseContentRange, parseUploadRange } from "./content-range.ts";
import { openRegistrySink } from "./index.ts";
import type { RegistryOptions } from "./options.ts";
import type { RegistrySink } from "./sink.ts";
import { RegistryDouble } from "./testing-registry.ts";
import type { UploadJournal } from "./upload-journal.ts";

const bytes = Buffer.alloc(500_000, "0123456789abcdefg");
const blob = describe(bytes, "x/y");
const reopen = (offset: number) => pieces(bytes.subarray(offset));

let registry: RegistryDouble;
before(async () => {
  registry = await RegistryDouble.start();
});
after(() => registry[Symbol.asyncDispose]());
afterEach(() => {
  registry.intercept = () => false;
  registry.seen.length = 0;
  registry.blobs.clear();
});

/** A journal in memory, as if of processes one after the other. */
class MemoryJournal implements UploadJournal {
  location: string | undefined;

  async take() {
    const journal = this;
    return {
      location: this.location,
      waited: false,
      remember(location: string) {
        journal.location = location;
      },
      forget() {
        journal.location = undefined;
      },
      renew() {},
      [Symbol.dispose]() {},
    };
  }
}

function sink(options: RegistryOptions = {}): RegistrySink {
  return openRegistrySink(parseReference(`${registry.host}/c:2`), {
    credentials: "anonymous",
    backoff: 2,
    attempts: 3,
    resumableFrom: 1,
    ...options,
  });
}

/** Content that ends with an error, as for a process that dies. */
async function* cutAfter(length: number): AsyncGenerator<Uint8Array> {
  yield* pieces(bytes.subarray(0, length));
  while ([...registry.uploads.values()].at(-1)!.length < length) await sleep(1);
  throw new Error("the process is gone");
}

const offsets = () =>
  registry.requests("PATCH", "/uploads/").map(({ headers }) => headers["content-range"] ?? "whole");

test("a large blob is sent as Docker sends it, and closed", async () => {
  const journal = new MemoryJournal();
  await using to = sink({ uploads: journal });
  await to.writeBlob(blob, reopen(0), { reopen });
  assert.ok(bytes.equals(registry.blobs.get(blob.digest)!));
  assert.deepEqual(offsets(), ["whole"]);
  assert.equal(journal.location, undefined, "nothing is left to be gone on with");
});

test("a later process goes on with what the registry has", async () => {
  const journal = new MemoryJournal();
  {
    await using dying = sink({ uploads: journal });
    await assert.rejects(dying.writeBlob(blob, reopen(0), { reopen: () => cutAfter(300_000) }));
  }
  const had = [...registry.uploads.values()].at(-1)!.length;
  assert.ok(had > 0 && had < bytes.length, `${had} bytes arrived`);
  await using to = sink({ uploads: journal });
  await to.writeBlob(blob, reopen(0), { reopen });
  assert.ok(bytes.equals(registry.blobs.get(blob.digest)!));
  assert.equal(offsets().at(-1), `${had}-${bytes.length - 1}`);
  assert.equal(registry.requests("POST", "/uploads/").length, 1);
});

test("an upload that the registry has forgotten is begun anew", async () => {
  for (const status of [404, 400]) {
    const journal = new MemoryJournal();
    journal.location = `http://${registry.host}/v2/c/blobs/uploads/long-ago?state=x`;
    registry.intercept = (request, response) => {
      if (request.method !== "GET") return false;
      response.writeHead(status).end();
      return true;
    };
    await using to = sink({ uploads: journal });
    await to.writeBlob(blob, reopen(0), { reopen });
    assert.ok(bytes.equals(registry.blobs.get(blob.digest)!));
  }
});

test("an earlier upload that leads nowhere is left for a new one", async () => {
  const refusals: ((response: ServerResponse) => void)[] = [
    (response) => response.writeHead(409).end(),
    (response) => response.destroy(),
  ];
  for (const refuse of refusals) {
    const journal = new MemoryJournal();
    registry.uploads.set("stuck", bytes.subarray(0, 1000));
    journal.location = `http://${registry.host}/v2/c/blobs/uploads/stuck?state=x`;
    registry.intercept = (request, response, url) => {
      if (request.method !== "PATCH" || !url.pathname.endsWith("/stuck")) return false;
      refuse(response);
      return true;
    };
    await using to = sink({ uploads: journal });
    await to.writeBlob(blob, reopen(0), { reopen });
    assert.ok(bytes.equals(registry.blobs.get(blob.digest)!));
    registry.blobs.clear();
  }
});

test("an earlier upload at a host that is gone, or that may not be asked, is left for a new one", async () => {
  const gone = await RegistryDouble.start();
  await gone[Symbol.asyncDispose]();
  for (const location of [`http://${gone.host}/upload/1`, "ftp://x/y", "no URL at all"]) {
    const journal = new MemoryJournal();
    journal.location = location;
    await using to = sink({ uploads: journal });
    await to.writeBlob(blob, reopen(0), { reopen });
    assert.ok(bytes.equals(registry.blobs.get(blob.digest)!), location);
    assert.equal(journal.location, undefined);
    registry.blobs.clear();
  }
});

test("a cut within the process is gone on with; a registry that forgets at each cut is given up", async () => {
  let cuts = 0;
  registry.intercept = (request, response) => {
    if (request.method !== "PATCH" || cuts === 2) return false;
    cuts++;
    response.writeHead(503).end();
    return true;
  };
  await using to = sink();
  await to.writeBlob(blob, reopen(0), { reopen });
  assert.ok(bytes.equals(registry.blobs.get(blob.digest)!));
  registry.intercept = (request, response) => {
    if (request.method !== "PATCH") return false;
    response.writeHead(404).end();
    return true;
  };
  await assert.rejects(to.writeBlob(blob, reopen(0), { reopen }), (error) => {
    assert.ok(isCortenError(error, "unavailable"), String(error));
    assert.match(error.message, /forgets each upload/);
    return true;
  });
});

test("chunks have the wanted size, and no less than the registry wants", async () => {
  await using to = sink({ chunkSize: 200_000 });
  await to.writeBlob(blob, reopen(0), { reopen });
  assert.deepEqual(offsets(), ["0-199999", "200000-399999", "400000-499999"]);
  registry.seen.length = 0;
  registry.intercept = (request, response) => {
    if (request.method === "POST") response.setHeader("oci-chunk-min-length", "300000");
    return false;
  };
  await to.writeBlob(blob, reopen(0), { reopen });
  assert.deepEqual(offsets(), ["0-299999", "300000-499999"]);
  assert.ok(bytes.equals(registry.blobs.get(blob.digest)!));
});

test("an answer that is lost after the upload was closed is no failure", async () => {
  registry.intercept = (request, response, url) => {
    if (request.method !== "PUT") return false;
    registry.intercept = () => false;
    const session = url.pathname.split("/").at(-1)!;
    registry.blobs.set(blob.digest, registry.uploads.get(session)!);
    registry.uploads.delete(session);
    response.destroy();
    return true;
  };
  await using to = sink();
  await to.writeBlob(blob, reopen(0), { reopen });
  assert.equal(registry.requests("POST", "/uploads/").length, 1);
});

test("content that turns out wrong at its end is not sent as the blob", async () => {
  async function* wrong(): AsyncGenerator<Uint8Array> {
    yield bytes;
    throw new Error("it is damaged");
  }
  await using to = sink();
  await assert.rejects(to.writeBlob(blob, wrong(), { reopen: wrong }), /damaged/);
  assert.equal(registry.requests("PUT", "/uploads/").length, 0);
});

test("ranges of answers are read by their grammar", () => {
  assert.deepEqual(parseContentRange("bytes 0-9/10"), { first: 0, last: 9, size: 10 });
  assert.deepEqual(parseContentRange("bytes 5-5/*"), { first: 5, last: 5, size: undefined });
  for (const bad of [
    "",
    "bytes 5-4/10",
    "bytes 0-10/10",
    "bytes */10",
    "bytes 0-9",
    "items 0-9/10",
    "bytes 0-1,4-5/9",
  ])
    assert.equal(parseContentRange(bad), undefined, bad);
  assert.deepEqual(["0-0", "0-9", "bytes=0-9", "1-9", "0--1", "", "0-9e9"].map(parseUploadRange), [
    0,
    10,
    10,
    ...Array.from({ length: 4 }, () => undefined),
  ]);
  fc.assert(
    fc.property(fc.nat(1e12), fc.nat(1e12), fc.nat(1e12), (first, more, behind) => {
      const [last, size] = [first + more, first + more + behind + 1];
      assert.deepEqual(parseContentRange(`bytes ${first}-${last}/${size}`), { first, last, size });
      if (last > 0) assert.equal(parseUploadRange(`0-${last}`), last + 1);
    }),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      const range = parseContentRange(text);
      if (range !== undefined) assert.ok(Number.isSafeInteger(range.last) && range.first <= range.last);
      assert.ok(Number.isSafeInteger(parseUploadRange(text) ?? 0));
    }),
  );
});

test("a beginning that an earlier process got wrong is not gone on with a second time", async () => {
  const journal = new MemoryJournal();
  const wrong = (offset: number) => pieces(Buffer.alloc(bytes.length, "other").subarray(offset));
  {
    await using to = sink({ uploads: journal, chunkSize: 200_000 });
    let patches = 0;
    registry.intercept = (request, response) => {
      if (request.method !== "PATCH" || ++patches < 3) return false;
      response.writeHead(400).end();
      return true;
    };
    await assert.rejects(to.writeBlob(blob, wrong(0), { reopen: wrong }));
    assert.ok(journal.location !== undefined, "a later process would go on");
  }
  registry.intercept = () => false;
  {
    await using to = sink({ uploads: journal });
    await to.writeBlob(blob, reopen(0), { reopen });
  }
  assert.ok(bytes.equals(registry.blobs.get(blob.digest)!));
  assert.equal(journal.location, undefined);
  await using to = sink({ uploads: journal });
  registry.blobs.clear();
  await assert.rejects(to.writeBlob(blob, wrong(0), { reopen: wrong }), (error) =>
    isCortenError(error, "invalid-argument"),
  );
  assert.equal(journal.location, undefined, "what is wrong is not gone on with");
});
