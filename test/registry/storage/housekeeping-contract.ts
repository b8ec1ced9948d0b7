import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import type { Metadata } from "../../../src/registry/index.ts";
import { isCortenError } from "../../../src/spec/index.ts";
import { digestOf, manifestOf } from "./metadata-contract.ts";

const ALL = { limit: 1000 };
const moment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** What retention, quotas and scrubbing ask of every kind of metadata. Each test uses repositories of its own. */
export function describeHousekeeping(kind: string, metadata: () => Metadata): void {
  const repository = (name: string) => `${name}-${randomUUID()}`;
  const stored = (size = 3) => ({ key: randomUUID(), size });
  const tooMuch = (error: unknown): boolean => isCortenError(error, "resource-exhausted");

  describe(`house-keeping in ${kind}`, () => {
    test("a tag goes only if nothing has happened to it since it was looked at", async () => {
      const a = repository("a");
      const manifest = manifestOf(a);
      await metadata().putManifest(a, manifest, { tags: ["one", "two", "three"] });
      const states = await metadata().tagStates(a, ALL);
      assert.deepEqual(
        states.map(({ name, digest, pulled }) => [name, digest, pulled]),
        ["one", "three", "two"].map((name) => [name, manifest.digest, undefined]),
      );
      await moment();
      await metadata().putManifest(a, manifest, { tags: ["two"] });
      const pull = { repository: a, digest: manifest.digest, at: Date.now() };
      await metadata().notePulls([
        { ...pull, tag: "three" },
        { ...pull, tag: "gone" },
        { ...pull, repository: "nowhere" },
      ]);
      const gone: boolean[] = [];
      for (const state of states) gone.push(await metadata().expireTag(a, state));
      assert.deepEqual(gone, [true, false, false]);
      const left = await metadata().tagStates(a, { after: "one", limit: 1 });
      assert.deepEqual(
        left.map(({ name, pulled }) => [name, pulled]),
        [["three", pull.at]],
      );
      assert.equal(await metadata().expireTag(repository("none"), states[0]!), false);
    });

    test("untagged manifests are those without tag, index and recent past; referrers belong to their subject", async () => {
      const a = repository("a");
      const put = async (text: string, more = {}, tags: readonly string[] = []) => {
        const manifest = manifestOf(`${a} ${text}`, more);
        await metadata().putManifest(a, manifest, { tags });
        return manifest.digest;
      };
      const child = await put("child");
      await put("index", { manifests: [child] }, ["latest"]);
      const plain = await put("plain");
      const referrer = await put("referrer", { subject: plain });
      const pulled = await put("pulled");
      await moment();
      const before = Date.now();
      await moment();
      await metadata().notePulls([{ repository: a, digest: pulled, at: Date.now() }]);
      const young = await put("young");
      const found = async (
        which: "lost-referrer" | "no-subject",
        time: number,
      ): Promise<ReadonlySet<string>> =>
        new Set((await metadata().untagged(a, which, time, ALL)).map(({ digest }) => digest));
      assert.deepEqual(await found("no-subject", before), new Set([plain]));
      assert.deepEqual(await found("lost-referrer", before), new Set());
      assert.equal(await metadata().expireUntagged(a, young, "no-subject", before), false);
      assert.equal(await metadata().expireUntagged(a, child, "no-subject", before), false);
      assert.equal(await metadata().expireUntagged(a, referrer, "no-subject", before), false);
      assert.equal(await metadata().expireUntagged(a, plain, "no-subject", before), true);
      assert.deepEqual(await found("lost-referrer", before), new Set([referrer]));
      // The index goes: its time begins for the child now, as its tag was lost now.
      await metadata().removeTag(a, "latest");
      await metadata().removeManifest(a, digestOf(`${a} index`));
      assert.equal(await metadata().expireUntagged(a, child, "no-subject", before), false);
      assert.ok((await found("no-subject", Date.now() + 1000)).has(child));
    });

    test("the sums follow what comes and goes, and a quota undoes what is too much", async () => {
      const [a, b] = [repository("a"), repository("b")];
      const own = async (name: string): Promise<number> => (await metadata().usage(name)).repository;
      const before = (await metadata().usage(a)).total;
      await metadata().addBlob(a, digestOf(a), stored(100), undefined, { quota: { repository: 100 } });
      await assert.rejects(
        metadata().addBlob(a, digestOf(`${a} more`), stored(1), undefined, { quota: { repository: 100 } }),
        tooMuch,
      );
      assert.equal(await metadata().blob(a, digestOf(`${a} more`)), undefined);
      await assert.rejects(metadata().mountBlob(b, digestOf(a), a, { quota: { repository: 99 } }), tooMuch);
      assert.equal(await metadata().mountBlob(b, digestOf(a), a, { quota: { repository: 100 } }), true);
      const manifest = manifestOf(a);
      await assert.rejects(
        metadata().putManifest(a, manifest, { tags: [], quota: { repository: 110 } }),
        tooMuch,
      );
      assert.equal(await metadata().manifest(a, manifest.digest), undefined);
      await metadata().putManifest(a, manifest, { tags: [] });
      assert.deepEqual([await own(a), await own(b)], [100 + manifest.size, 100]);
      assert.equal((await metadata().usage(a)).total, before + 100 + manifest.size);
      await assert.rejects(
        metadata().addBlob(b, digestOf(b), stored(1), undefined, { quota: { total: before + 1 } }),
        tooMuch,
      );
      await metadata().removeManifest(a, manifest.digest);
      await metadata().removeBlob(a, digestOf(a));
      assert.equal((await metadata().usage(a)).total, before + 100);
      await metadata().removeBlob(b, digestOf(a));
      assert.deepEqual(await metadata().usage(b), { repository: 0, total: before });
    });

    test("pushes at the same time do not exceed the quota of their repository together", async () => {
      const a = repository("a");
      const pushes = Array.from({ length: 12 }, (_, index) =>
        metadata().addBlob(a, digestOf(`${a} ${index}`), stored(30), undefined, {
          quota: { repository: 100 },
        }),
      );
      const results = await Promise.allSettled(pushes);
      assert.equal(results.filter(({ status }) => status === "fulfilled").length, 3);
      assert.equal((await metadata().usage(a)).repository, 90);
    });

    test("a damaged blob is nowhere until it is pushed again, and then where it was", async () => {
      const [a, b, c] = [repository("a"), repository("b"), repository("c")];
      const digest = digestOf(a);
      const bad = stored();
      await metadata().addBlob(a, digest, bad);
      await metadata().mountBlob(b, digest, a);
      const verifiable = async () =>
        (await metadata().blobsToVerify(Date.now() + 1000, 100_000)).map(({ key }) => key);
      assert.ok((await verifiable()).includes(bad.key));
      assert.equal(await metadata().markDamaged(digest, randomUUID()), undefined);
      assert.deepEqual(await metadata().markDamaged(digest, bad.key), [a, b].sort());
      assert.equal(await metadata().markDamaged(digest, bad.key), undefined);
      assert.equal(await metadata().blob(a, digest), undefined);
      assert.equal(await metadata().touchBlob(a, digest), false);
      assert.equal(await metadata().mountBlob(c, digest, a), false);
      assert.deepEqual(await metadata().repositoriesOf(digest, ALL), []);
      assert.ok(!(await verifiable()).includes(bad.key));
      const put = await metadata().putManifest(a, manifestOf(a, { blobs: [digest] }), {
        tags: [],
        required: [digest],
      });
      assert.equal(put.outcome, "missing");
      const orphans = async () => (await metadata().orphans(100_000)).map(({ key }) => key);
      assert.ok(!(await orphans()).includes(bad.key), "kept");
      assert.equal(await metadata().isUnknown(bad.key), false);

      const good = stored();
      assert.deepEqual(await metadata().addBlob(c, digest, good), good);
      for (const name of [a, b, c]) assert.equal((await metadata().blob(name, digest))?.key, good.key);
      assert.ok((await orphans()).includes(bad.key));
      await metadata().markVerified([good.key], Date.now() + 2000);
      assert.ok(!(await verifiable()).includes(good.key));
    });
  });
}
