import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LayerDirectory } from "../archive/index.ts";
import { findFixUps, type StackedLayer } from "./fix-up.ts";

/** `name` for a described directory with that mode, `name?` implied, `name!` opaque; `-name` a whiteout, `=name` a file. */
function layer(mode: number, ...words: string[]): StackedLayer {
  const directories: LayerDirectory[] = [];
  const whiteouts: string[] = [];
  const files = new Set<string>();
  for (const word of words) {
    if (word.startsWith("-")) whiteouts.push(word.slice(1));
    else if (word.startsWith("=")) files.add(word.slice(1));
    else directories.push(directory(word, mode));
  }
  return { directories, whiteouts, hasOtherFile: (path) => files.has(path) };
}

function directory(word: string, mode: number): LayerDirectory {
  const path = word.replace(/[?!.]+$/, "");
  return {
    path,
    mode: word.includes("?") ? 0o755 : mode,
    uid: 0,
    gid: 0,
    mtime: { seconds: 0, nanoseconds: 0 },
    xattrs: new Map(),
    implied: word.includes("?"),
    opaque: word.includes("!"),
  };
}

const modes = (...layers: StackedLayer[]) =>
  Object.fromEntries([...findFixUps(layers)].map(([path, { mode }]) => [path || "/", mode]));

describe("findFixUps", () => {
  test("nothing for one layer, nor where every directory is described", () => {
    assert.deepEqual(modes(layer(0o700, "", "a?", "a/b?")), {});
    assert.deepEqual(modes(layer(0o700, "", "a"), layer(0o711, "", "a")), {});
  });
  test("an implied directory takes what is described below it, its parents come along", () => {
    assert.deepEqual(modes(layer(0o700, "", "a", "a/b"), layer(0o711, "", "a", "a/b?")), {
      "/": 0o711,
      a: 0o711,
      "a/b": 0o700,
    });
  });
  test("through an implied one in between", () => {
    assert.deepEqual(modes(layer(0o700, "", "a"), layer(0, "?", "a?"), layer(0, "?", "a?")), {
      "/": 0o700,
      a: 0o700,
    });
  });
  test("not through a whiteout, an opaque directory or a file", () => {
    assert.deepEqual(modes(layer(0o700, "", "a"), layer(0o711, "", "-a"), layer(0o711, "", "a?")), {});
    assert.deepEqual(modes(layer(0o700, "", "a", "a/b"), layer(0o711, "", "a!", "a/b?")), {});
    assert.deepEqual(
      modes(layer(0o700, "", "a", "a/b"), layer(0o711, "", "=a"), layer(0o711, "", "a", "a/b?")),
      {},
    );
  });
  test("an opaque directory itself keeps its attributes", () => {
    assert.deepEqual(modes(layer(0o700, "", "a", "a/b"), layer(0o711, "", "a", "a/b?!")), {
      "/": 0o711,
      a: 0o711,
      "a/b": 0o700,
    });
  });
  test("not for a directory that is hidden itself", () => {
    assert.deepEqual(modes(layer(0o700, "", "a"), layer(0o711, "", "a?"), layer(0o711, "", "-a")), {});
  });
});
