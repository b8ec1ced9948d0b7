import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import type { BlobStorage } from "../../../src/registry/index.ts";
import type { Digest, DigestAlgorithm } from "../../../src/spec/index.ts";
import { digestOf } from "../digest.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

async function bytesOf(content: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  assert.ok(content !== undefined, "the blob is missing");
  const chunks: Uint8Array[] = [];
  // A chunk is the reader's until it asks for the next one.
  for await (const chunk of content) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/**
 * What every kind of blob storage does.
 *
 * @param other the same storage as another server has it
 */
export function describeBlobStorage(
  kind: string,
  storage: () => BlobStorage,
  other: () => BlobStorage,
): void {
  /** Appends to an upload as one request does. */
  async function append(
    key: string,
    content: Uint8Array,
    by = storage(),
    algorithm: DigestAlgorithm = "sha256",
  ): Promise<void> {
    await using upload = await by.openUpload(key, algorithm);
    for (let at = 0; at < content.length; at += 64 * KIB)
      await upload.append(content.subarray(at, at + 64 * KIB));
  }

  async function finish(
    key: string,
    digest: Digest,
    by = storage(),
    algorithm: DigestAlgorithm = "sha256",
  ): Promise<{ readonly key: string; readonly size: number }> {
    await using upload = await by.openUpload(key, algorithm);
    let told = 0;
    const stored = await upload
      .finish(digest, () => told++)
      .catch((error: unknown) => {
        assert.equal(told, 0, "content that is refused was not called verified before");
        throw error;
      });
    assert.equal(told, 1, "content that is stored was called verified once");
    return stored;
  }

  async function listed(): Promise<ReadonlySet<string>> {
    const keys = new Set<string>();
    for await (const { key } of storage().list()) keys.add(key);
    return keys;
  }

  describe(`blobs in ${kind}`, () => {
    for (const size of [0, 1, 100 * KIB, 13 * MIB]) {
      test(`a blob of ${size} bytes is read back, whole and in ranges, and removed`, async () => {
        const key = randomUUID();
        const content = randomBytes(size);
        {
          await using upload = await storage().openUpload(key, "sha256");
          for (let at = 0; at < size; at += 64 * KIB)
            await upload.append(content.subarray(at, at + 64 * KIB));
          assert.equal(upload.size, size);
          assert.deepEqual(await upload.finish(digestOf(content)), { key, size });
        }
        assert.equal(await other().size(key), size);
        assert.ok((await bytesOf(await other().read(key, { start: 0, end: size }))).equals(content));
        const middle = { start: Math.floor(size / 3), end: Math.ceil(size / 2) };
        const part = content.subarray(middle.start, middle.end);
        assert.ok((await bytesOf(await storage().read(key, middle))).equals(part));
        assert.ok((await listed()).has(key));
        await other().remove(key);
        await storage().remove(key);
        assert.equal(await storage().size(key), undefined);
        assert.equal(await storage().read(key, { start: 0, end: size }), undefined);
        assert.ok(!(await listed()).has(key));
      });
    }

    for (const [title, sizes] of [
      ["small chunks", [10, 0, 20_000, 3]],
      ["large chunks", [9 * MIB, 100, 6 * MIB, 8 * MIB + 1]],
    ] as const) {
      test(`an upload goes on in other requests and on another server: ${title}`, async () => {
        const key = randomUUID();
        const chunks = sizes.map((size) => randomBytes(size));
        let size = 0;
        for (const [index, chunk] of chunks.entries()) {
          await append(key, chunk, index % 2 === 0 ? storage() : other());
          size += chunk.length;
          assert.equal(await other().size(key), size);
        }
        const content = Buffer.concat(chunks);
        assert.deepEqual(await finish(key, digestOf(content), other()), { key, size });
        assert.ok((await bytesOf(await storage().read(key, { start: 0, end: size }))).equals(content));
        await storage().remove(key);
      });

      test(`an upload that one server saw whole is verified by another algorithm: ${title}`, async () => {
        const content = Buffer.concat(sizes.map((size) => randomBytes(size)));
        const ways = [
          ["sha256", "sha512"],
          ["sha256", "blake3"],
          ["blake3", "blake3"],
          ["blake3", "sha256"],
        ] as const;
        for (const [announced, algorithm] of ways) {
          const key = randomUUID();
          await append(key, content, storage(), announced);
          const stored = await finish(key, digestOf(content, algorithm), storage(), announced);
          assert.deepEqual(stored, { key, size: content.length });
          assert.ok(
            (await bytesOf(await other().read(key, { start: 0, end: content.length }))).equals(content),
          );
          await storage().remove(key);
        }
      });

      test(`what does not have the digest is refused, and the session goes on from where it says: ${title}`, async () => {
        const key = randomUUID();
        const content = Buffer.concat(sizes.map((size) => randomBytes(size)));
        const wrong = digestOf(Buffer.from("something else"));
        await append(key, content);
        await assert.rejects(finish(key, wrong, other()), { code: "data-loss" });
        const kept = (await storage().size(key)) ?? 0;
        await append(key, content.subarray(kept));
        await assert.rejects(finish(key, wrong), { code: "data-loss" });
        const left = (await storage().size(key)) ?? 0;
        await append(key, content.subarray(left));
        assert.deepEqual(await finish(key, digestOf(content)), { key, size: content.length });
        assert.ok(
          (await bytesOf(await other().read(key, { start: 0, end: content.length }))).equals(content),
        );
        await storage().remove(key);
      });
    }

    test("an upload that nobody finished is listed, and removed with what it holds", async () => {
      const [small, large] = [randomUUID(), randomUUID()];
      await append(small, randomBytes(10));
      await append(large, randomBytes(9 * MIB));
      const found = await listed();
      assert.ok(found.has(small) && found.has(large));
      for (const key of [small, large]) {
        await other().remove(key);
        assert.equal(await storage().size(key), undefined);
      }
      const left = await listed();
      assert.ok(!left.has(small) && !left.has(large));
    });

    test("an algorithm that cannot be verified is refused", async () => {
      await assert.rejects(finish(randomUUID(), `md5:${"0".repeat(32)}`), { code: "unimplemented" });
    });
  });
}
