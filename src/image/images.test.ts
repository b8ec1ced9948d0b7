import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { toByteString, writeTar } from "../archive/index.ts";
import type { Store } from "../content/index.ts";
import { openStore } from "../content/index.ts";
import type { Descriptor } from "../spec/index.ts";
import { isCortenError, MediaType } from "../spec/index.ts";
import type { ImageUser } from "./index.ts";
import {
  applyChanges,
  importRootfs,
  inspectImage,
  listImages,
  parsePlatform,
  pull,
  removeImage,
  resolveImage,
  save,
  tagImage,
} from "./index.ts";
import { MemoryPlace, sha256 } from "./testing-image.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-images-"));
after(() => rmSync(directory, { recursive: true, force: true }));

let roots = 0;
const freshStore = () => openStore(join(directory, `root-${roots++}`));
const platform = parsePlatform("linux/amd64");

async function pullOne(store: Store, name: string, more: object = {}) {
  const source = new MemoryPlace();
  return pull(store, source.setRoot(source.addImage([randomBytes(100)], platform, more)), { name });
}

const failsWith = (code: string, text: RegExp) => (error: unknown) => {
  assert.ok(isCortenError(error), String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, text);
  return true;
};

const names = (store: Store) => store.names.list().map(({ name }) => name);

describe("finding images", () => {
  test("by name, digest, id and the beginning of one", async () => {
    using store = freshStore();
    const image = await pullOne(store, "quay.io/team/app:1");
    await pullOne(store, "alpine");
    const id = await image.id();
    const { digest } = image.root;
    for (const text of [
      "quay.io/team/app:1",
      `quay.io/team/app@${digest}`,
      `quay.io/team/app:1@${digest}`,
      digest,
      id,
      id.slice(7),
      id.slice(7, 19),
      id.slice(0, 19),
    ]) {
      assert.equal((await resolveImage(store, text)).root.digest, digest, text);
    }
    for (const text of ["nothing", `alpine@${digest}`, "sha256:", "zz", sha256("x"), "UPPER"]) {
      await assert.rejects(resolveImage(store, text), failsWith("not-found", /there is no image/), text);
    }
    assert.equal(listImages(store).length, 2);
  });

  test("a beginning that fits two images is refused; a name wins over a beginning", async () => {
    using store = freshStore();
    const images = await Promise.all(
      Array.from({ length: 17 }, (_, index) => pullOne(store, `image:${index}`)),
    );
    const ids = await Promise.all(images.map((image) => image.id()));
    const first = ids.map((id) => id[7]!);
    const twice = first.find((digit, index) => first.indexOf(digit) !== index)!;
    await assert.rejects(
      resolveImage(store, twice),
      failsWith("invalid-argument", /is the beginning of \d+ images/),
    );
    const named = await pullOne(store, twice);
    assert.equal((await resolveImage(store, twice)).root.digest, named.root.digest);
  });
});

describe("inspect", () => {
  test("has docker's shape, and fields that image-spec does not know", async () => {
    using store = freshStore();
    const image = await pullOne(store, "alpine", {
      created: "2026-01-02T03:04:05.123456789Z",
      author: "someone",
      variant: "v2",
      config: { Cmd: ["/bin/sh"], Healthcheck: { Test: ["CMD", "true"] } },
      history: [{ created_by: "RUN x", comment: "built" }, { empty_layer: true }],
    });
    await tagImage(store, "alpine", "quay.io/a/b:c");
    const inspected = await inspectImage(await resolveImage(store, "alpine"));
    assert.equal(inspected.Id, await image.id());
    assert.deepEqual(inspected.RepoTags, ["alpine:latest", "quay.io/a/b:c"]);
    assert.deepEqual(inspected.RepoDigests, [
      `alpine@${image.root.digest}`,
      `quay.io/a/b@${image.root.digest}`,
    ]);
    assert.deepEqual(inspected.Config, { Cmd: ["/bin/sh"], Healthcheck: { Test: ["CMD", "true"] } });
    assert.equal(inspected.Created, "2026-01-02T03:04:05.123456789Z");
    assert.deepEqual([inspected.Os, inspected.Architecture, inspected.Variant], ["linux", "amd64", "v2"]);
    assert.equal(inspected.RootFS.Layers.length, 1);
    assert.equal(inspected.Size, await image.size());
  });
});

describe("tag and remove", () => {
  test("tags share content; the last name takes it along", async () => {
    using store = freshStore();
    const image = await pullOne(store, "alpine");
    await tagImage(store, (await image.id()).slice(7, 20), "mine:1");
    assert.deepEqual(names(store), ["docker.io/library/alpine:latest", "docker.io/library/mine:1"]);
    await assert.rejects(
      tagImage(store, "alpine", `x@${image.root.digest}`),
      failsWith("invalid-argument", /digest/),
    );
    await assert.rejects(tagImage(store, "absent", "x"), failsWith("not-found", /absent/));
    assert.deepEqual(await removeImage(store, "alpine"), {
      untagged: ["alpine:latest"],
      deleted: [],
      collected: undefined,
    });
    const { untagged, deleted, collected } = await removeImage(store, "mine:1");
    assert.deepEqual([untagged, deleted], [["mine:1"], [await image.id()]]);
    assert.equal(collected?.blobs.length, 3);
    await assert.rejects(removeImage(store, "mine:1"), failsWith("not-found", /mine:1/));
  });

  test("by id with several names only with force", async () => {
    using store = freshStore();
    const image = await pullOne(store, "alpine");
    const id = await image.id();
    await tagImage(store, "alpine", "other");
    await assert.rejects(
      removeImage(store, id),
      failsWith("failed-precondition", /several names: alpine:latest, other:latest/),
    );
    assert.equal((await removeImage(store, id, { force: true })).untagged.length, 2);
    assert.deepEqual(names(store), []);
  });

  test("a repository's digest goes with its last tag", async () => {
    using store = freshStore();
    const image = await pullOne(store, "alpine");
    store.names.set(`docker.io/library/alpine@${image.root.digest}`, image.root);
    assert.equal((await removeImage(store, "alpine")).deleted.length, 1);
    assert.deepEqual(names(store), []);
  });

  test("an image that containers use stays", async () => {
    using store = freshStore();
    const image = await pullOne(store, "alpine");
    await tagImage(store, "alpine", "other");
    const users = (running: boolean) => () => [{ container: "box", running }] satisfies ImageUser[];
    assert.equal(
      (await removeImage(store, "other", { usedBy: users(true) })).deleted.length,
      0,
      "only a name",
    );
    await assert.rejects(
      removeImage(store, "alpine", { usedBy: users(false) }),
      failsWith("failed-precondition", /in use by container box/),
    );
    await assert.rejects(
      removeImage(store, await image.id(), { usedBy: users(true), force: true }),
      failsWith("failed-precondition", /in use by running container box/),
    );
    assert.equal(
      (await removeImage(store, "alpine", { usedBy: users(false), force: true })).deleted.length,
      1,
    );
  });

  test("a damaged image can be listed and removed, and hides no other", async () => {
    using store = freshStore();
    const broken = await pullOne(store, "broken");
    const sound = await pullOne(store, "sound");
    rmSync(store.path(broken.root.digest));
    await assert.rejects(
      (await resolveImage(store, "broken")).config(),
      failsWith("data-loss", /image docker.io\/library\/broken:latest: blob .* is missing/),
    );
    assert.equal((await resolveImage(store, await sound.id())).root.digest, sound.root.digest);
    assert.deepEqual((await removeImage(store, "broken")).deleted, [broken.root.digest]);
    await (await resolveImage(store, "sound")).config();
  });
});

describe("save", () => {
  test("writes what was pulled, byte for byte, and an index only when all of it is here", async () => {
    const source = new MemoryPlace();
    const one = source.addImage([randomBytes(1000), randomBytes(10)], platform);
    const two = source.addImage([randomBytes(1000)], parsePlatform("linux/arm64"));
    const index = source.addIndex([one, source.addIndex([two])]);
    source.setRoot(index);
    using store = freshStore();
    const sparse = new MemoryPlace();
    const image = await pull(store, source, { name: "a", platform });
    assert.equal((await save(store, image, sparse)).digest, one.digest);
    assert.equal((await sparse.root()).descriptor.digest, one.digest);
    const whole = new MemoryPlace();
    const all = await pull(store, source, { name: "a", allPlatforms: true });
    assert.equal((await save(store, all, whole)).digest, index.digest);
    assert.deepEqual(new Map([...whole.blobs].sort()), new Map([...source.blobs].sort()));
    const single = new MemoryPlace();
    assert.equal((await save(store, all, single, { single: true })).digest, (await all.descriptor()).digest);
    assert.deepEqual(await single.manifest(one as Descriptor), source.blobs.get(one.digest));
  });
});

describe("import of a root file system", () => {
  const tar = async () =>
    Buffer.concat(
      await Array.fromAsync(
        writeTar([
          { type: "directory", path: toByteString("etc"), mode: 0o755 },
          { type: "file", path: toByteString("etc/motd"), mode: 0o644, body: Buffer.from("hello\n") },
        ]),
      ),
    );
  const stream = async function* (bytes: Uint8Array, size = 100) {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  };

  test("plain and packed: one layer, with the right DiffID", async () => {
    using store = freshStore();
    const bytes = await tar();
    for (const [content, mediaType, size] of [
      [bytes, MediaType.layer, 3],
      [gzipSync(bytes), MediaType.layerGzip, 1],
    ] as const) {
      const seen: string[] = [];
      const image = await importRootfs(store, stream(content, size), {
        name: "rootfs:1",
        changes: ['CMD ["/bin/sh"]', "ENV A=1 B='two words'", "WORKDIR /srv"],
        created: new Date(0),
        comment: "from a test",
        consumer: async ({ diffID }, read) => {
          for await (const _ of read);
          seen.push(diffID);
        },
      });
      const [layer] = await image.layers();
      assert.equal(layer?.mediaType, mediaType);
      assert.equal(layer?.diffID, sha256(bytes));
      assert.deepEqual(seen, [sha256(bytes)]);
      const config = await image.config();
      assert.deepEqual(config.config, { Cmd: ["/bin/sh"], Env: ["A=1", "B=two words"], WorkingDir: "/srv" });
      assert.equal(config.created, "1970-01-01T00:00:00.000Z");
      assert.equal((await inspectImage(image)).Comment, "from a test");
    }
  });

  test("what is no tar archive is refused and leaves nothing", async () => {
    using store = freshStore();
    for (const bytes of [
      Buffer.from("no archive at all".repeat(100)),
      Buffer.alloc(0),
      gzipSync(Buffer.from("x")),
    ]) {
      await assert.rejects(importRootfs(store, stream(bytes), { name: "bad" }), (error) =>
        isCortenError(error),
      );
    }
    await assert.rejects(
      importRootfs(store, stream(await tar()), { name: "bad", changes: ["RUN x"] }),
      failsWith("invalid-argument", /none of/),
    );
    assert.deepEqual(names(store), []);
    await store.collect({ interrupted: true });
    assert.equal(store.size(sha256(await tar())), undefined);
  });

  test("changes", () => {
    const cases: [string[], object][] = [
      [["CMD echo $X"], { Cmd: ["/bin/sh", "-c", "echo $X"] }],
      [['entrypoint ["a", "b c"]'], { Entrypoint: ["a", "b c"] }],
      [["ENV A=1", "ENV A=2 C=\\ x"], { Env: ["A=2", "C= x"] }],
      [["ENV A two words"], { Env: ["A=two words"] }],
      [["EXPOSE 80 53/udp"], { ExposedPorts: { "80/tcp": {}, "53/udp": {} } }],
      [['LABEL a="b c" d=e'], { Labels: { a: "b c", d: "e" } }],
      [["STOPSIGNAL SIGINT", "USER 1000:1000"], { StopSignal: "SIGINT", User: "1000:1000" }],
      [['VOLUME ["/a", "/b"]', "VOLUME /c"], { Volumes: { "/a": {}, "/b": {}, "/c": {} } }],
      [["WORKDIR /a", "WORKDIR b"], { WorkingDir: "/a/b" }],
    ];
    for (const [changes, expected] of cases)
      assert.deepEqual(applyChanges({}, changes), expected, changes.join());
    for (const change of [
      "",
      "CMD",
      "CMD [1]",
      "CMD [",
      "ENV A",
      "ENV A=1 B",
      "EXPOSE http",
      "EXPOSE 99999",
      "USER a b",
      "LABEL 'a=b",
    ]) {
      assert.throws(
        () => applyChanges({}, [change]),
        failsWith("invalid-argument", /invalid change/),
        change,
      );
    }
  });
});
