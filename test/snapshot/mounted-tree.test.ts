import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openStore } from "../../src/content/index.ts";
import { pull, resolveImage } from "../../src/image/index.ts";
import { type LayerStack, openSnapshots } from "../../src/snapshot/index.ts";
import { openSource, parsePlace } from "../../src/transport/index.ts";
import { commandOutput, debianRootfs, isInstalled, isRoot, temporaryDirectory } from "../support/index.ts";
import { changeWithUmoci, makeLayeredImage } from "./layered-image.ts";
import { mountedManifest, treeManifest } from "./mounted-manifest.ts";

const able = isRoot && ["umoci", "debootstrap", "setcap", "setfattr"].every(isInstalled);

/** Three images of more than 5,000 files each, all with Debian's own files in them. */
const images: Readonly<Record<string, (directory: string) => Promise<string>>> = {
  "one layer: Debian": async (directory) => makeLayeredImage(directory, [await debianRootfs()]),

  "layers that umoci made: whiteouts, links, capabilities, attributes, devices": async (directory) => {
    const layout = await makeLayeredImage(directory, [await debianRootfs()]);
    await changeWithUmoci(
      directory,
      layout,
      `rm -rf usr/share/doc/apt usr/share/locale/de
       rm -rf etc/skel && mkdir -m 2750 etc/skel && echo new > etc/skel/only
       ln usr/bin/perl usr/bin/perl-again && ln usr/bin/perl opt/perl-third
       cp usr/bin/id usr/bin/id-cap && setcap cap_net_raw+ep usr/bin/id-cap
       setfattr -n user.corten -v steel etc/hostname && setfattr -n trusted.note -v x usr/share
       mknod opt/null c 1 3 && mknod opt/block b 7 9 && mkfifo opt/fifo
       ln -s ../../nowhere opt/dangling && chown 1234:4321 opt/fifo && chown -h 99:98 opt/dangling
       touch -d '2001-02-03 04:05:06' opt && truncate -s 10M opt/sparse
       printf 'x%.0s' $(seq 4096) > opt/page && printf y > opt/$'odd\\nname \\xff'
       for i in $(seq 3000); do echo $i > usr/share/doc/f$i; done`,
    );
    await changeWithUmoci(
      directory,
      layout,
      `rm -rf usr/share/doc && mkdir usr/share/doc && echo back > usr/share/doc/back
       rm usr/bin/perl-again && rmdir var/local && echo file > var/local
       chmod 1700 opt && rmdir srv && ln -s /etc srv`,
    );
    return layout;
  },

  "layers that only imply their directories: fix-ups, opaque directories, replaced types": async (
    directory,
  ) => {
    const extra = join(directory, "extra");
    const layer = async (name: string, script: string, options: readonly string[] = []) => {
      const root = join(extra, name);
      mkdirSync(root, { recursive: true });
      await commandOutput("bash", ["-euc", script], { cwd: root });
      const archive = join(extra, `${name}.tar`);
      const all = (await commandOutput("find", [".", ...options, "-printf", "%P\\n"], { cwd: root })).split(
        "\n",
      );
      const names = all.filter((path) => path !== "");
      await commandOutput("tar", ["-C", root, "--no-recursion", "--format=pax", "-cf", archive, ...names]);
      return archive;
    };
    const described = await layer(
      "described",
      `mkdir -p -m 700 app/data/deep other/kept gone/away
       chown -R 7:8 app other && chmod 2711 app/data && touch app/data/a other/kept/b gone/away/c
       touch -d 1999-12-31T23:59:58Z app/data/deep app/data app other`,
    );
    const implied = await layer(
      "implied",
      "mkdir -p app/data/deep other/kept usr/share/new/place; touch app/data/deep/file other/kept/c usr/share/new/place/x",
      ["!", "-type", "d"],
    );
    const opaque = await layer(
      "opaque",
      "mkdir -p other/kept app; touch other/kept/.wh..wh..opq other/kept/after app/.wh.nothing .wh.gone; ln -s app link",
      ["!", "-path", "./other/kept", "!", "-path", "./other", "!", "-path", "./app"],
    );
    const again = await layer("again", "mkdir -p gone/away; touch gone/away/new gone/top", [
      "!",
      "-type",
      "d",
    ]);
    return makeLayeredImage(directory, [await debianRootfs(), described, implied, opaque, again]);
  },
};

for (const [name, make] of Object.entries(images)) {
  describe(`mounted snapshots equal umoci's unpacked tree (${name})`, { skip: !able }, () => {
    const scratch = temporaryDirectory("snapshot");
    const root = join(scratch.path, "root");
    let stack: LayerStack;
    let layout: string;

    before(
      async () => {
        layout = await make(scratch.path);
        const store = openStore(root);
        const snapshots = openSnapshots(root);
        const source = await openSource(parsePlace(`oci:${layout}:test`));
        try {
          const image = await pull(store, source, { name: "test/image:1", consumer: snapshots.consumer() });
          for (const { diffID } of await image.layers())
            assert.ok(snapshots.has(diffID), `${diffID} was unpacked`);
          stack = await snapshots.prepare(store, image);
        } finally {
          await source[Symbol.asyncDispose]();
          store.close();
        }
      },
      { timeout: 300_000 },
    );
    after(() => scratch[Symbol.dispose]());

    test("names, types, modes, owners, times, attributes, links, contents", {
      timeout: 300_000,
    }, async () => {
      const bundle = join(scratch.path, "bundle");
      const started = Date.now();
      await commandOutput("umoci", ["unpack", "--image", `${layout}:test`, bundle], { timeoutMs: 120_000 });
      const expected = await treeManifest(join(bundle, "rootfs"));
      const actual = await mountedManifest(scratch.path, stack.files);
      const lines = expected.split("\n");
      assert.ok(lines.length > 5000, `only ${lines.length} files`);
      assert.deepEqual(differences(lines, actual.split("\n"), started), []);
    });

    test("the same tree comes out of the executor, unpacked into a directory", {
      timeout: 300_000,
    }, async () => {
      const unpacked = join(scratch.path, "unpacked");
      mkdirSync(unpacked, { mode: 0o700 });
      await openSnapshots(root).unpack(stack, unpacked);
      const expected = (await mountedManifest(scratch.path, stack.files)).split("\n");
      assert.deepEqual((await treeManifest(unpacked)).split("\n"), expected);
    });

    test("the account files are known without a mount", async () => {
      assert.match(stack.passwd ?? "", /^root:x:0:0:/);
      assert.match(stack.group ?? "", /^root:x:0:/m);
    });

    test("a damaged or missing layer is made again from the store", async () => {
      using copy = temporaryDirectory("snapshot-damage");
      cpSync(root, copy.path, { recursive: true });
      const store = openStore(copy.path);
      try {
        const snapshots = openSnapshots(copy.path);
        const image = await resolveImage(store, "test/image:1");
        const layers = join(copy.path, "snapshots/layers/sha256");
        const victim = join(layers, readdirSync(layers).find((file) => file.endsWith(".erofs"))!);
        const size = statSync(victim).size;
        truncateSync(victim, 4096);
        assert.equal(snapshots.stack(await image.id()), undefined);
        const { files } = await snapshots.prepare(store, image);
        assert.equal(statSync(victim).size, size);
        assert.equal(files.length, stack.files.length);
      } finally {
        store.close();
      }
    });

    test("what nothing keeps is collected, what is kept stays", async () => {
      const snapshots = openSnapshots(root);
      assert.ok((await snapshots.usage()) > 10_000_000);
      const kept = await snapshots.collect({ images: [stack.imageID], layers: [], minimumAge: 0 });
      assert.deepEqual(kept, { files: 0, bytes: 0 });
      const young = await snapshots.collect({ images: [], layers: [] });
      assert.equal(young.files, 0);
      await snapshots.collect({ images: [], layers: [], minimumAge: -1000 });
      assert.ok(stack.files.every((file) => !existsSync(file)));
      assert.equal(await snapshots.usage(), 0);
    });
  });
}

/** The time in a line, in nanoseconds since 1970, and what is around it. */
const TIMED = /^('.*?' 0o4\S+ \S+ - - )(\d+)( .*)$/;

/**
 * The lines that only one side has, marked, the first fifty. The time of a directory that umoci itself made or
 * wrote into for want of an entry is that of its unpacking, and is left out.
 */
function differences(expected: readonly string[], actual: readonly string[], started: number): string[] {
  const now = new Set<string>();
  for (const line of expected) {
    const match = TIMED.exec(line);
    if (match !== null && Number(match[2]) / 1e6 >= started) now.add(match[1]!);
  }
  const comparable = (line: string) => {
    const match = TIMED.exec(line);
    return match !== null && now.has(match[1]!) ? `${match[1]}now${match[3]}` : line;
  };
  const [left, right] = [expected.map(comparable), actual.map(comparable)];
  const [inLeft, inRight] = [new Set(left), new Set(right)];
  const missing = left.filter((line) => !inRight.has(line)).map((line) => `umoci:  ${line}`);
  const extra = right.filter((line) => !inLeft.has(line)).map((line) => `corten: ${line}`);
  return [...missing, ...extra].sort((a, b) => (a.slice(8) < b.slice(8) ? -1 : 1)).slice(0, 50);
}
