import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import type { Descriptor, Digest, DigestAlgorithm } from "../spec/index.ts";
import { isCortenError, MediaType } from "../spec/index.ts";
import { openStore } from "./index.ts";
import { thisProcess } from "./owner.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-ingest-"));
after(() => rmSync(directory, { recursive: true, force: true }));

let roots = 0;
const freshStore = () => openStore(join(directory, `root-${roots++}`));

function describeBytes(bytes: Uint8Array, algorithm: DigestAlgorithm = "sha256"): Descriptor {
  const digest: Digest = `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
  return { mediaType: MediaType.layer, digest, size: bytes.length };
}

const chunks = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 });
const damage = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ type: "none" as const }) },
  fc.record({ type: fc.constant("flip" as const), at: fc.nat() }),
  fc.record({ type: fc.constant("cut" as const), bytes: fc.integer({ min: 1, max: 10 }) }),
  fc.record({ type: fc.constant("longer" as const), bytes: fc.integer({ min: 1, max: 10 }) }),
);

test("whatever the chunks and interruptions, a blob appears only when its content is right", {
  timeout: 60_000,
}, async () => {
  using store = freshStore();
  using lease = store.lease();
  await fc.assert(
    fc.asyncProperty(
      chunks,
      damage,
      fc.nat({ max: 12 }),
      fc.constantFrom<DigestAlgorithm>("sha256", "sha512"),
      async (parts, fault, stop, algorithm) => {
        const whole = Buffer.concat(parts);
        const descriptor = describeBytes(whole, algorithm);
        store.discard(descriptor.digest);
        const sent = Buffer.from(whole);
        if (fault.type === "flip" && sent.length > 0) sent[fault.at % sent.length]! ^= 1;
        const received =
          fault.type === "cut"
            ? sent.subarray(0, Math.max(0, sent.length - fault.bytes))
            : fault.type === "longer"
              ? Buffer.concat([sent, Buffer.alloc(fault.bytes)])
              : sent;
        const right = received.equals(whole);
        {
          await using first = await store.ingest(descriptor, { lease });
          for (const part of parts.slice(0, stop)) {
            const at = first!.offset;
            await first!.write(received.subarray(at, at + part.length));
          }
        }
        let failure: unknown;
        try {
          await using second = await store.ingest(descriptor, { lease });
          await second!.write(received.subarray(second!.offset));
          await second!.commit();
        } catch (error) {
          failure = error;
        }
        assert.equal(store.has(descriptor), right);
        assert.equal(failure === undefined, right);
        const partials = readdirSync(join(store.directory, "ingest"));
        if (right) assert.deepEqual(await store.read(descriptor), Buffer.from(whole));
        else if (received.length < whole.length) {
          assert.ok(isCortenError(failure, "unavailable"));
          await using third = await store.ingest(descriptor, { lease });
          assert.equal(third!.offset, received.length);
          await third!.discard();
        } else {
          assert.ok(isCortenError(failure, "data-loss"));
          assert.deepEqual(partials, []);
        }
      },
    ),
    { numRuns: 150 },
  );
});

test("a partial blob that is longer than it may be is cut, not trusted", async () => {
  using store = freshStore();
  using lease = store.lease();
  const descriptor = describeBytes(Buffer.from("content"));
  writeFileSync(join(store.directory, "ingest", descriptor.digest.replace(":", "-")), "content and more");
  await using ingest = await store.ingest(descriptor, { lease });
  assert.equal(ingest?.offset, 7);
  await ingest.commit();
  assert.equal(readFileSync(store.path(descriptor.digest), "utf8"), "content");
});

test("claims of dead processes are taken over, those of other namespaces after a silence", async () => {
  using store = freshStore();
  using lease = store.lease();
  const [pid, start, namespace, boot] = thisProcess().split("/");
  const claim = (partial: string, owner: string, age: number) =>
    store.database.transaction(() =>
      store.database.run("INSERT INTO claims VALUES (?, ?, 'theirs', ?)", partial, owner, Date.now() - age),
    );
  const attempt = async (text: string, owner: string, age: number) => {
    const descriptor = describeBytes(Buffer.from(text));
    claim(descriptor.digest.replace(":", "-"), owner, age);
    await using ingest = await store.ingest(descriptor, { lease, signal: AbortSignal.timeout(100) });
    return ingest?.offset;
  };
  assert.equal(await attempt("dead", [pid, "1", namespace, boot].join("/"), 0), 0);
  assert.equal(await attempt("silent", [pid, start, "1", boot].join("/"), 120_000), 0);
  await assert.rejects(attempt("working", [pid, start, "1", boot].join("/"), 1000));
  await assert.rejects(attempt("alive", thisProcess(), 120_000));
  await store.collect();
  assert.equal(store.database.all("SELECT 1 FROM claims").length, 2);
});
