import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { describe, test } from "node:test";
import type { Metadata, NewManifest } from "../../../src/registry/index.ts";
import type { Digest } from "../../../src/spec/index.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const ALL = { limit: 1000 };

export function digestOf(text: string): Digest {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

export function manifestOf(text: string, more: Partial<NewManifest> = {}): NewManifest {
  const bytes = Buffer.from(text);
  return {
    digest: digestOf(text),
    mediaType: MANIFEST,
    size: bytes.length,
    bytes,
    blobs: [],
    manifests: [],
    ...more,
  };
}

/**
 * What every kind of metadata does, also when many ask at once. Each test uses repositories of its own, so all can
 * share one database.
 */
export function describeMetadata(kind: string, metadata: () => Metadata): void {
  const repository = (name: string) => `${name}-${randomUUID()}`;
  const stored = (size = 3) => ({ key: randomUUID(), size });

  async function begin(name: string, more: { owner?: string; touched?: number } = {}): Promise<string> {
    const id = randomUUID();
    await metadata().beginUpload({ id, repository: name, algorithm: "sha256", touched: Date.now(), ...more });
    return id;
  }

  async function orphanKeys(): Promise<ReadonlySet<string>> {
    return new Set((await metadata().orphans(100_000)).map(({ key }) => key));
  }

  describe(`metadata in ${kind}`, () => {
    test("a blob is one of the repositories that were given it, and of no other", async () => {
      const [a, b] = [repository("a"), repository("b")];
      const digest = digestOf(a);
      const first = stored();
      assert.deepEqual(await metadata().addBlob(a, digest, first, await begin(a)), first);
      assert.equal((await metadata().blob(a, digest))?.key, first.key);
      assert.equal(await metadata().blob(b, digest), undefined);
      assert.equal(await metadata().mountBlob(b, digest, repository("nobody")), false);
      assert.equal(await metadata().tags(b, ALL), undefined);
      assert.equal(await metadata().mountBlob(b, digest, a), true);
      assert.deepEqual(await metadata().repositoriesOf(digest, ALL), [a, b].sort());
      assert.deepEqual(await metadata().repositoriesOf(digest, { after: a, limit: 1 }), [b]);
    });

    test("the same content pushed again keeps its key, and the second bytes are an orphan", async () => {
      const name = repository("again");
      const digest = digestOf(name);
      const [first, second] = [stored(), stored()];
      await metadata().addBlob(name, digest, first);
      assert.deepEqual(await metadata().addBlob(name, digest, second), first);
      assert.ok((await orphanKeys()).has(second.key));
      assert.ok(!(await orphanKeys()).has(first.key));
    });

    test("bytes become an orphan with the last repository that has them, and are known until forgotten", async () => {
      const [a, b] = [repository("a"), repository("b")];
      const digest = digestOf(a);
      const { key } = await metadata().addBlob(a, digest, stored());
      await metadata().mountBlob(b, digest, a);
      assert.equal(await metadata().removeBlob(a, digest), true);
      assert.equal(await metadata().removeBlob(a, digest), false);
      assert.equal(await metadata().tags(a, ALL), undefined);
      assert.ok(!(await orphanKeys()).has(key));
      assert.equal(await metadata().removeBlob(b, digest), true);
      assert.ok((await orphanKeys()).has(key));
      assert.equal(await metadata().isUnknown(key), false);
      await metadata().forgetOrphans([key]);
      assert.equal(await metadata().isUnknown(key), true);
      const again = stored();
      assert.deepEqual(await metadata().addBlob(a, digest, again), again);
    });

    test("a manifest is found by digest and tag, with exactly its bytes, in its repository only", async () => {
      const name = repository("manifest");
      const manifest = manifestOf(`{ "spaces": "kept" , "name": "${name}" }`);
      const result = await metadata().putManifest(name, manifest, { tags: ["v1", "latest"] });
      assert.deepEqual(result, { outcome: "stored", created: true });
      const again = await metadata().putManifest(name, manifest, { tags: ["v2"] });
      assert.deepEqual(again, { outcome: "stored", created: false });
      for (const reference of ["v1", "latest", "v2", manifest.digest]) {
        assert.deepEqual(
          Buffer.from((await metadata().readManifest(name, reference))!.bytes),
          manifest.bytes,
        );
        const { digest, mediaType, size } = manifest;
        assert.deepEqual({ ...(await metadata().manifest(name, reference)) }, { digest, mediaType, size });
      }
      assert.equal(await metadata().manifest(name, "v3"), undefined);
      assert.equal(await metadata().readManifest(repository("other"), manifest.digest), undefined);
    });

    test("a manifest is stored only when what it needs is there, and changes nothing otherwise", async () => {
      const name = repository("needs");
      const [here, gone] = [digestOf(`${name} here`), digestOf(`${name} gone`)];
      await metadata().addBlob(name, here, stored());
      const manifest = manifestOf(name, { blobs: [here, gone] });
      const missing = await metadata().putManifest(name, manifest, { tags: ["v1"], required: [here, gone] });
      assert.deepEqual(missing, { outcome: "missing", digests: [gone] });
      assert.deepEqual(await metadata().tags(name, ALL), []);
      const other = repository("empty");
      const refused = await metadata().putManifest(other, manifestOf(other), {
        tags: ["v1"],
        required: [here],
      });
      assert.equal(refused.outcome, "missing");
      assert.equal(await metadata().tags(other, ALL), undefined);
    });

    test("who may not make or move a tag changes nothing", async () => {
      const name = repository("tags");
      const asked: string[] = [];
      const mayTag = (tag: string, change: string) => {
        asked.push(`${change} ${tag}`);
        return change === "create";
      };
      assert.equal(
        (await metadata().putManifest(name, manifestOf(`${name} 1`), { tags: ["a"], mayTag })).outcome,
        "stored",
      );
      assert.equal(
        (await metadata().putManifest(name, manifestOf(`${name} 1`), { tags: ["a"], mayTag })).outcome,
        "stored",
      );
      const refused = await metadata().putManifest(name, manifestOf(`${name} 2`), {
        tags: ["b", "a"],
        mayTag,
      });
      assert.deepEqual(refused, { outcome: "refused", tag: "a" });
      assert.deepEqual(asked, ["create a", "create b", "update a"]);
      assert.deepEqual(await metadata().tags(name, ALL), ["a"]);
    });

    test("a deleted manifest takes its tags along, also where another repository has the same one", async () => {
      const [a, b] = [repository("a"), repository("b")];
      const manifest = manifestOf(a);
      for (const name of [a, b]) await metadata().putManifest(name, manifest, { tags: ["v1", "v2"] });
      assert.deepEqual([...((await metadata().removeManifest(a, manifest.digest)) as string[])].sort(), [
        "v1",
        "v2",
      ]);
      assert.equal(await metadata().removeManifest(a, manifest.digest), undefined);
      assert.equal(await metadata().readManifest(a, manifest.digest), undefined);
      assert.equal(await metadata().tags(a, ALL), undefined);
      assert.deepEqual(Buffer.from((await metadata().readManifest(b, "v1"))!.bytes), manifest.bytes);
      assert.equal(await metadata().removeTag(b, "v1"), manifest.digest);
      assert.equal(await metadata().removeTag(b, "v1"), undefined);
      assert.deepEqual(await metadata().tags(b, ALL), ["v2"]);
    });

    test("what a tag needs that may not be lost stays, over indexes and in circles too", async () => {
      const name = repository("kept");
      const blob = digestOf(`${name} blob`);
      await metadata().addBlob(name, blob, stored());
      const child = manifestOf(`${name} child`, { blobs: [blob], manifests: [digestOf(`${name} index`)] });
      const index = manifestOf(`${name} index`, { manifests: [child.digest] });
      await metadata().putManifest(name, child, { tags: [] });
      await metadata().putManifest(name, index, { tags: ["release", "moving"] });
      const mayLose = (tag: string) => tag !== "release";
      const refusal = { refusedTag: "release" };
      assert.deepEqual(await metadata().removeBlob(name, blob, mayLose), refusal);
      assert.deepEqual(await metadata().removeManifest(name, child.digest, mayLose), refusal);
      assert.deepEqual(await metadata().removeManifest(name, index.digest, mayLose), refusal);
      await metadata().removeTag(name, "release");
      assert.deepEqual(await metadata().removeManifest(name, index.digest, mayLose), ["moving"]);
      assert.equal(await metadata().removeBlob(name, blob, mayLose), true);
    });

    test("lists are in the order of bytes, in pages, and count from names that are not there", async () => {
      const name = repository("list");
      const tags = ["B", "a", "a-b", "a.b", "a_b", "Z", "0", "latest", "v10", "v9"];
      await metadata().putManifest(name, manifestOf(name), { tags });
      const sorted = [...tags].sort();
      assert.deepEqual(await metadata().tags(name, ALL), sorted);
      assert.deepEqual(await metadata().tags(name, { after: "Z", limit: 3 }), sorted.slice(3, 6));
      assert.deepEqual(await metadata().tags(name, { after: "a!", limit: 1 }), ["a-b"]);
      assert.deepEqual(await metadata().tags(name, { limit: 0 }), []);
      const prefix = repository("list-of-names");
      for (const part of ["/b", "/a", "-a", "_a"])
        await metadata().putManifest(prefix + part, manifestOf(name), { tags: [] });
      const listed = await metadata().repositories({ after: prefix, limit: 4 });
      assert.deepEqual(
        listed,
        ["-a", "/a", "/b", "_a"].map((part) => prefix + part),
      );
    });

    test("referrers are found by subject and type, whether the subject is there or not", async () => {
      const name = repository("referrers");
      const subject = digestOf(`${name} subject`);
      const annotations = { "org.example.key": 'a "value" \u0000 with \u{1f680}' };
      const types = ["application/x.sbom", "application/x.signature", "application/x.sbom"];
      const made = types.map((artifactType, index) =>
        manifestOf(`${name} ${index}`, { subject, artifactType, annotations }),
      );
      for (const manifest of made) await metadata().putManifest(name, manifest, { tags: [] });
      const expected = made
        .map(({ digest, mediaType, size, artifactType }) => ({
          digest,
          mediaType,
          size,
          artifactType,
          annotations,
        }))
        .sort((x, y) => (x.digest < y.digest ? -1 : 1));
      assert.deepEqual(await metadata().referrers(name, subject, ALL), expected);
      assert.deepEqual(
        await metadata().referrers(name, subject, { ...ALL, artifactType: types[0]! }),
        expected.filter(({ artifactType }) => artifactType === types[0]),
      );
      const { digest } = expected[0]!;
      assert.deepEqual(
        await metadata().referrers(name, subject, { after: digest, limit: 1 }),
        expected.slice(1, 2),
      );
      await metadata().removeManifest(name, digest);
      assert.equal((await metadata().referrers(name, subject, ALL)).length, 2);
    });

    test("an upload belongs to one request at a time, ends once, and expires when nobody goes on with it", async () => {
      const name = repository("uploads");
      const id = await begin(name, { owner: "ada" });
      const soon = Date.now() + 60_000;
      assert.equal((await metadata().upload(name, id))?.owner, "ada");
      assert.equal(await metadata().upload(repository("other"), id), undefined);
      assert.equal(await metadata().claimUpload(name, randomUUID(), { holder: "x", until: soon }), undefined);
      const claimed = await metadata().claimUpload(name, id, { holder: "one", until: soon });
      assert.ok(typeof claimed === "object" && claimed.id === id);
      assert.equal(await metadata().claimUpload(name, id, { holder: "two", until: soon }), "busy");
      assert.equal(typeof (await metadata().claimUpload(name, id, { holder: "one", until: soon })), "object");
      await metadata().releaseUpload(id, "two");
      assert.equal(await metadata().claimUpload(name, id, { holder: "two", until: soon }), "busy");
      await metadata().releaseUpload(id, "one");
      assert.equal(
        typeof (await metadata().claimUpload(name, id, { holder: "two", until: Date.now() - 1 })),
        "object",
      );
      assert.equal(
        typeof (await metadata().claimUpload(name, id, { holder: "three", until: soon })),
        "object",
      );
      assert.equal(await metadata().countUploads(name), 1);
      assert.equal(await metadata().endUpload(id), true);
      assert.equal(await metadata().endUpload(id), false);
      assert.ok((await orphanKeys()).has(id));
      await assert.rejects(metadata().addBlob(name, digestOf(name), stored(), id), { code: "not-found" });
      assert.equal(await metadata().blob(name, digestOf(name)), undefined);
      const old = await begin(name, { touched: 1000 });
      const young = await begin(name);
      assert.deepEqual(await metadata().expireUploads(2000, 10), [old]);
      assert.ok((await orphanKeys()).has(old));
      assert.equal(await metadata().countUploads(name), 1);
      assert.equal(await metadata().endUpload(young), true);
    });

    test("a collection takes out what nothing references and nobody touched", async () => {
      const name = repository("collect");
      const [used, unused, fresh] = ["used", "unused", "fresh"].map((part) =>
        digestOf(`${name} ${part}`),
      ) as [Digest, Digest, Digest];
      for (const digest of [used, unused, fresh]) await metadata().addBlob(name, digest, stored());
      await metadata().putManifest(name, manifestOf(name, { blobs: [used] }), { tags: [] });
      await new Promise((resolve) => setTimeout(resolve, 5));
      const before = Date.now();
      await new Promise((resolve) => setTimeout(resolve, 5));
      await metadata().touchBlob(name, fresh);
      const dropped = await metadata().dropUnreferenced(before, 100_000);
      assert.deepEqual(
        dropped.filter((each) => each.repository === name).map(({ digest }) => digest),
        [unused],
      );
      assert.equal(await metadata().blob(name, unused), undefined);
      assert.ok((await metadata().blob(name, used)) && (await metadata().blob(name, fresh)));
    });

    test("pushes, mounts, deletes and collections at once lose nothing that a manifest has", async () => {
      const names = [repository("storm"), repository("storm"), repository("storm")];
      const digests = Array.from({ length: 6 }, (_, index) => digestOf(`${names[0]} ${index}`));
      const pick = <T>(from: readonly T[], seed: number): T => from[seed % from.length] as T;
      const rounds = Array.from({ length: 240 }, async (_, round) => {
        const name = pick(names, round);
        const digest = pick(digests, round * 7);
        if (round % 8 === 5) await metadata().removeBlob(name, digest, () => false);
        else if (round % 8 === 6) await metadata().dropUnreferenced(Date.now() + 1, 1000);
        else if (round % 8 === 7) await metadata().removeManifest(name, digestOf(`${digest} manifest`));
        else {
          const from = pick(names, round + 1);
          if (!(await metadata().mountBlob(name, digest, from)))
            await metadata().addBlob(name, digest, stored());
          const manifest = manifestOf(`${digest} manifest`, { blobs: [digest] });
          await metadata().putManifest(name, manifest, { tags: [`t${round % 3}`], required: [digest] });
        }
      });
      await Promise.all(rounds);
      const orphans = await orphanKeys();
      for (const name of names) {
        for (const digest of digests) {
          const manifest = await metadata().readManifest(name, digestOf(`${digest} manifest`));
          const blob = await metadata().blob(name, digest);
          if (manifest !== undefined)
            assert.ok(blob !== undefined, `${name} lost ${digest}, which a manifest has`);
          if (blob !== undefined)
            assert.ok(!orphans.has(blob.key), `the bytes of ${digest} are about to be removed`);
        }
      }
    });
  });
}
