import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import type { BlobStorage } from "../../../src/registry/index.ts";
import { memoryStorage, openFilesystemStorage, S3Blobs } from "../../../src/registry/index.ts";
import { BUILD_TIMEOUT_MS, type S3Server, startS3Server } from "../../support/s3-server/index.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { describeBlobStorage } from "./blob-storage-contract.ts";

describe("memory", () => {
  const storage = memoryStorage();
  after(() => storage[Symbol.asyncDispose]());
  describeBlobStorage(
    "memory",
    () => storage.blobs,
    () => storage.blobs,
  );
});

describe("a directory", () => {
  const directory = temporaryDirectory("blobs");
  const [one, two] = [openFilesystemStorage(directory.path), openFilesystemStorage(directory.path)];
  after(async () => {
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
    directory[Symbol.dispose]();
  });
  describeBlobStorage(
    "a directory",
    () => one.blobs,
    () => two.blobs,
  );
});

describe("S3", () => {
  let server: S3Server;
  let one: BlobStorage;
  let two: BlobStorage;

  before(
    async () => {
      server = await startS3Server();
      one = new S3Blobs({ ...server, prefix: "some registry/", partSize: 5 * 1024 * 1024 });
      two = new S3Blobs({ ...server, prefix: "some registry/", partSize: 5 * 1024 * 1024 });
    },
    { timeout: BUILD_TIMEOUT_MS },
  );
  after(async () => {
    await one?.[Symbol.asyncDispose]();
    await two?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  describeBlobStorage(
    "a bucket",
    () => one,
    () => two,
  );

  test("parts that a killed server never wrote down are found and removed", async () => {
    const key = randomUUID();
    const upload = await one.openUpload(key, "sha256");
    await upload.append(randomBytes(6 * 1024 * 1024));
    const listed = async () => {
      for await (const file of two.list()) if (file.key === key) return true;
      return false;
    };
    assert.equal(await listed(), true);
    await two.remove(key);
    assert.equal(await listed(), false);
  });

  test("what one server hashed is not taken for what another one stored after a refusal", async () => {
    const key = randomUUID();
    const contents = [randomBytes(9 * 1024 * 1024), randomBytes(9 * 1024 * 1024)];
    const [first, second] = contents.map(
      (content) => `sha256:${createHash("sha256").update(content).digest("hex")}` as const,
    );
    {
      await using upload = await one.openUpload(key, "sha256");
      await upload.append(contents[0]!);
    }
    {
      await using upload = await two.openUpload(key, "sha256");
      await assert.rejects(upload.finish(second!), { code: "data-loss" });
      assert.equal(upload.size, 0);
      await upload.append(contents[1]!);
    }
    await using upload = await one.openUpload(key, "sha256");
    assert.equal(upload.size, contents[1]!.length);
    await assert.rejects(upload.finish(first!), { code: "data-loss" });
    await one.remove(key);
  });

  test("a registry sees its own prefix of a bucket only", async () => {
    await using neighbour = new S3Blobs({ ...server, prefix: "some registry/blobs/" });
    const listed: string[] = [];
    for await (const { key } of neighbour.list()) listed.push(key);
    assert.deepEqual(listed, []);
  });

  test("wrong keys, a bucket that is not there, and options that are wrong are told apart", async () => {
    const credentials = { ...server.credentials, secretAccessKey: "guessed" };
    await using stranger = new S3Blobs({ ...server, credentials });
    await assert.rejects(stranger.size(randomUUID()), { code: "permission-denied" });
    await using nowhere = new S3Blobs({ ...server, bucket: "not-there" });
    await assert.rejects(nowhere.read("key", { start: 0, end: 1 }), {
      code: "not-found",
      message: /NoSuchBucket/,
    });
    await using gone = new S3Blobs({ ...server, endpoint: "http://127.0.0.1:1", attempts: 2, backoff: 1 });
    await assert.rejects(gone.size("x"), { code: "unavailable" });
    for (const wrong of [{ partSize: 1 }, { endpoint: "ftp://here" }, { bucket: "Not/A_Bucket" }])
      assert.throws(() => new S3Blobs({ ...server, ...wrong }), { code: "invalid-argument" });
  });
});
