import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openEngine } from "../../src/engine/index.ts";
import { listImages, removeImage } from "../../src/image/index.ts";
import { splitDigest } from "../../src/spec/index.ts";
import {
  command,
  commandOutput,
  corten,
  isRoot,
  makeBusyboxRootfs,
  temporaryDirectory,
} from "../support/index.ts";

const IMAGE = "corten-test/plain:1";

/** A root with what an index has to get right: names across directory blocks, long links, holes, empty files, links. */
function makeRoot(directory: string): void {
  makeBusyboxRootfs(directory);
  mkdirSync(join(directory, "many"));
  for (let n = 0; n < 300; n++)
    writeFileSync(join(directory, "many", `file-with-a-long-name-${n}`), `${n}\n`);
  writeFileSync(join(directory, "n".repeat(255)), "long name\n");
  symlinkSync("x".repeat(1000), join(directory, "far"));
  writeFileSync(join(directory, "empty"), "");
  writeFileSync(join(directory, "odd"), Buffer.alloc(70_001, "odd"));
  writeFileSync(join(directory, "etc/passwd"), "user:x:7:8::/:/bin/sh\n");
}

describe("a layer that is a plain archive", { skip: !isRoot }, () => {
  async function prepare(options: readonly string[] = []) {
    const scratch = temporaryDirectory("indexed");
    const [root, runRoot] = [join(scratch.path, "root"), join(scratch.path, "run")];
    const tree = join(scratch.path, "tree");
    makeRoot(tree);
    const archive = join(scratch.path, "tree.tar");
    const attribute = "import os, sys; os.setxattr(sys.argv[1], 'user.note', b'v' * 700)";
    await commandOutput("python3", ["-c", attribute, join(tree, "odd")]);
    const form = ["--xattrs", "--format=pax", ...options];
    await commandOutput("tar", [...form, "-C", tree, "-cf", archive, "."]);
    const words = ["--root", root, "--run-root", runRoot];
    await commandOutput(corten, [...words, "import", archive, IMAGE]);
    const engine = openEngine({ root, runRoot });
    const [image] = listImages(engine.store);
    const [layer] = await image!.layers();
    await engine.snapshots.prepare(engine.store, image!);
    const base = join(root, "snapshots/layers", ...splitDigest(layer!.diffID));
    return {
      engine,
      words,
      tree,
      archive,
      blob: engine.store.path(layer!.descriptor.digest),
      erofs: `${base}.erofs`,
      tar: `${base}.tar`,
      async [Symbol.asyncDispose]() {
        for (const { id } of await engine.list({ all: true })) await engine.remove(id, { force: true });
        await engine[Symbol.asyncDispose]();
        scratch[Symbol.dispose]();
      },
    };
  }

  /** What the container sees of the tree, as sums and listings. */
  const look =
    "cd /; find . -xdev \\( -path ./proc -o -path ./sys -o -path ./dev -o -path './etc/[hr]*' \\) -prune -o -type f -exec md5sum {} + | sort -k2";

  test("is on disk once, and shows the same files", async () => {
    await using t = await prepare();
    assert.equal(statSync(t.tar).ino, statSync(t.blob).ino);
    assert.ok(statSync(t.erofs).size < statSync(t.tar).size / 8);
    for (const share of ["always", "never"]) {
      const run = [...t.words, "--share-layers", share, "run", "--rm", "--network", "none", IMAGE];
      const inside = await commandOutput(corten, [...run, "sh", "-c", look]);
      const outside = await commandOutput("sh", ["-c", look.replace("cd /", `cd ${t.tree}`)]);
      assert.equal(inside, outside);
      const link = await commandOutput(corten, [...run, "readlink", "/far"]);
      assert.equal(link.length, 1000);
      assert.equal(await commandOutput(corten, [...run, "sh", "-c", "ls /many | wc -l"]), "300");
    }
    await t.engine.releaseLayers();
    await commandOutput(corten, [...t.words, "--share-layers", "always", "system", "release"]);
    const held = await t.engine.run({ image: IMAGE, command: ["sleep", "1000"], network: "none" });
    const { Pid } = (await t.engine.inspect(held.id)).State;
    const read = "import os, sys; print(len(os.getxattr(sys.argv[1], 'user.note')))";
    assert.equal(await commandOutput("python3", ["-c", read, `/proc/${Pid}/root/odd`]), "700");
    const user = [...t.words, "run", "--rm", "--network", "none", "--user", "user", IMAGE, "id", "-u"];
    assert.equal(await commandOutput(corten, user), "7");
  });

  test("is saved byte for byte as it came", async () => {
    await using t = await prepare();
    const out = join(t.engine.root, "../layout");
    await commandOutput(corten, [...t.words, "push", IMAGE, `oci:${out}:x`]);
    const { layers } = await (await import("../../src/image/index.ts"))
      .listImages(t.engine.store)[0]!
      .manifest();
    const saved = readFileSync(join(out, "blobs", ...splitDigest(layers[0]!.digest)));
    assert.deepEqual(saved, readFileSync(t.archive));
    assert.equal(createHash("sha256").update(saved).digest("hex"), splitDigest(layers[0]!.digest)[1]);
  });

  test("counts once in the sums of disk usage, and is freed once", async () => {
    await using t = await prepare();
    const { imageBytes } = await t.engine.usage();
    const size = statSync(t.tar).size;
    assert.ok(imageBytes >= size && imageBytes < 1.2 * size, `${imageBytes} of ${size}`);
    const rehearsal = await t.engine.prune({ images: "unused", rehearse: true });
    const pruned = await t.engine.prune({ images: "unused" });
    assert.equal(pruned.bytes, rehearsal.bytes);
    assert.ok(pruned.bytes >= size && pruned.bytes < 1.2 * size);
  });

  test("stays for a container whose image is removed", async () => {
    await using t = await prepare();
    const { id } = await t.engine.create({ image: IMAGE, command: ["cat", "/etc/passwd"], network: "none" });
    await removeImage(t.engine.store, IMAGE, { force: true });
    await t.engine.collectSnapshots();
    assert.equal(statSync(t.blob, { throwIfNoEntry: false }), undefined);
    await t.engine.start(id);
    assert.equal((await t.engine.wait(id)).exitCode, 0);
    await t.engine.remove(id);
    await t.engine.collectSnapshots();
    assert.equal(statSync(t.tar, { throwIfNoEntry: false }), undefined);
  });

  test("gets an image of its own where it has sparse files, or the archive is gone", async () => {
    const sparse = temporaryDirectory("sparse");
    await using t = await prepare();
    rmSync(t.tar);
    const run = [...t.words, "run", "--rm", "--network", "none", IMAGE, "stat", "-c", "%s", "/odd"];
    assert.equal(await commandOutput(corten, run), "70001");
    assert.equal(statSync(t.tar).ino, statSync(t.blob).ino);
    const file = join(sparse.path, "holes");
    await commandOutput("truncate", ["-s", "5M", file]);
    writeFileSync(join(sparse.path, "other"), "other");
    await commandOutput("sh", ["-c", `printf end >> ${file}`]);
    await commandOutput("tar", [
      "--sparse",
      "--format=pax",
      "-C",
      sparse.path,
      "-cf",
      `${t.archive}.2`,
      "holes",
      "other",
    ]);
    await commandOutput(corten, [...t.words, "import", `${t.archive}.2`, "corten-test/sparse:1"]);
    await using _ = { [Symbol.asyncDispose]: async () => sparse[Symbol.dispose]() };
    const image = listImages(t.engine.store).find(({ names }) => names[0]!.includes("sparse"))!;
    const stack = await t.engine.snapshots.prepare(t.engine.store, image);
    assert.equal(stack.archives.size, 0);
  });

  test("gets an image of its own where the archive ends within a block", async () => {
    await using t = await prepare();
    // Without the end marks, and without what fills up the last file's block.
    const tree = temporaryDirectory("unpadded");
    writeFileSync(join(tree.path, "file"), Buffer.alloc(70_001, "f"));
    await commandOutput("tar", ["--format=ustar", "-C", tree.path, "-cf", `${t.archive}.3`, "file"]);
    writeFileSync(`${t.archive}.3`, readFileSync(`${t.archive}.3`).subarray(0, 512 + 70_001));
    await commandOutput(corten, [...t.words, "import", `${t.archive}.3`, "corten-test/unpadded:1"]);
    tree[Symbol.dispose]();
    const image = listImages(t.engine.store).find(({ names }) => names[0]!.includes("unpadded"))!;
    const stack = await t.engine.snapshots.prepare(t.engine.store, image);
    assert.equal(stack.archives.size, 0);
    const volume = join(t.engine.root, "../copied");
    mkdirSync(volume);
    assert.equal(await t.engine.snapshots.copyOut(stack, "/", volume), true);
    assert.equal(statSync(join(volume, "file")).size, 70_001);
  });

  test("is checked by its archive, and made again", async () => {
    await using t = await prepare();
    const bytes = readFileSync(t.tar);
    writeFileSync(t.tar, bytes.with(bytes.length - 70_000, 1), { flag: "r+" });
    const words = [...t.words, "system", "check", "--format", "json"];
    const found = await command(corten, words);
    assert.equal(found.exitCode, 1);
    const kinds = (JSON.parse(found.stdout) as { Kind: string }[]).map(({ Kind }) => Kind);
    assert.deepEqual(kinds, ["blob", "snapshot"]);
  });
});
