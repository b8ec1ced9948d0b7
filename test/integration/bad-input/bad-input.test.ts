import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import {
  assertNothingLeft,
  bundleConfig,
  command,
  commandOutput,
  corten,
  cortenOci,
  makeBusyboxRootfs,
  snapshotHost,
  temporaryDirectory,
} from "../../support/index.ts";
import { brokenBundles } from "./broken-bundles.ts";
import { brokenImages, LayoutDraft } from "./broken-images.ts";

/** An error a user can act on: one line, no stack, no internal code. */
function assertClear(stderr: string, says: RegExp): void {
  assert.match(stderr, says);
  assert.doesNotMatch(stderr, /\n\s+at .*:\d+:\d+|TypeError|ReferenceError|undefined|\[object/);
}

describe("a broken bundle is refused and leaves no trace", { timeout: 300_000 }, () => {
  const directory = temporaryDirectory("bad-bundles");
  makeBusyboxRootfs(join(directory.path, "rootfs"));
  after(() => directory[Symbol.dispose]());

  for (const [index, { name, bend, says }] of brokenBundles.entries()) {
    test(name, async () => {
      const id = `corten-bad-${index}`;
      const state = join(directory.path, "state");
      const before = snapshotHost({
        matching: new RegExp(`${id}|${directory.path}`),
        folders: [join(directory.path, "rootfs")],
      });
      const config = bundleConfig(["true"]);
      const text = bend(config) ?? JSON.stringify(config);
      writeFileSync(join(directory.path, "config.json"), text);
      const result = await command(cortenOci, ["--root", state, "run", "--bundle", directory.path, id]);
      assert.equal(result.exitCode, 1, `exit ${result.exitCode}: ${result.stderr}${result.stdout}`);
      assertClear(result.stderr, says);
      assert.deepEqual(existsSync(state) ? readdirSync(state).filter((entry) => entry.includes(id)) : [], []);
      await assertNothingLeft(before);
    });
  }
});

describe("a broken image is refused and leaves no trace", { timeout: 300_000 }, () => {
  for (const { name, bend, says } of brokenImages) {
    test(name, async () => {
      using scratch = temporaryDirectory("bad-images");
      const root = join(scratch.path, "data");
      mkdirSync(root, { mode: 0o700 });
      const global = ["--root", root, "--run-root", join(scratch.path, "run")];
      const layout = join(scratch.path, "layout");
      const draft = new LayoutDraft();
      bend(draft);
      draft.write(layout);
      const archive = join(scratch.path, "broken.tar");
      await commandOutput("tar", ["-C", layout, "-cf", archive, "oci-layout", "index.json", "blobs"]);
      const before = snapshotHost({ matching: new RegExp(scratch.path) });

      const load = await command(corten, [...global, "load", "-i", archive]);
      const failed =
        load.exitCode !== 0
          ? load
          : await command(corten, [
              ...global,
              "run",
              "--rm",
              "--pull",
              "never",
              "localhost/broken:1",
              "/file",
            ]);
      assert.notEqual(failed.exitCode, 0, `accepted: ${failed.stdout}`);
      assertClear(failed.stderr, says);

      if (load.exitCode !== 0) {
        assert.deepEqual(
          JSON.parse(await commandOutput(corten, [...global, "images", "--format", "json"])),
          [],
        );
      }
      assert.deepEqual(
        JSON.parse(await commandOutput(corten, [...global, "ps", "-a", "--format", "json"])),
        [],
      );
      const images = filesBelow(join(root, "snapshots")).filter((file) => file.endsWith(".erofs"));
      assert.deepEqual(images, []);
      await assertNothingLeft(before);
    });
  }

  test("there are fifty broken inputs at least", () => {
    assert.ok(brokenBundles.length + brokenImages.length >= 50);
  });
});

function filesBelow(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: "utf8" }) : [];
}
