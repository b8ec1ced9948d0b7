import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_CONTENT } from "./erofs-content.ts";
import type { LayerDirectoryNode } from "./layer-directory.ts";
import { LayerTree } from "./layer-tree.ts";
import type { TarEntry } from "./tar-entry.ts";
import { NO_XATTRS } from "./tar-entry.ts";

type Fields = Partial<TarEntry> & Pick<TarEntry, "path">;

const file = (path: string, more: Partial<TarEntry> = {}): Fields => ({ path, type: "file", ...more });
const dir = (path: string, more: Partial<TarEntry> = {}): Fields => ({ path, type: "directory", ...more });
const link = (path: string, linkPath: string): Fields => ({ path, linkPath, type: "symlink" });
const hard = (path: string, linkPath: string): Fields => ({ path, linkPath, type: "hardlink" });

function build(entries: readonly Fields[], limit = 1_000_000): LayerTree {
  const tree = new LayerTree(limit);
  for (const [i, fields] of entries.entries()) {
    const entry: TarEntry = {
      type: "file",
      linkPath: "",
      mode: 0o700,
      uid: 0,
      gid: 0,
      userName: "",
      groupName: "",
      size: 0,
      storedSize: 0,
      mtime: { seconds: 0, nanoseconds: 0 },
      deviceMajor: 0,
      deviceMinor: 0,
      xattrs: NO_XATTRS,
      sparse: undefined,
      offset: 512 * i,
      ...fields,
    };
    tree.apply(entry, tree.attributes(entry), tree.wantsContent(entry) ? NO_CONTENT : undefined);
  }
  return tree;
}

/** The sealed tree as sorted lines: `d path`, `f path`, `l path -> target`, `w path` for a whiteout, `!` for opaque. */
function list(tree: LayerTree): string[] {
  const lines: string[] = [];
  for (const [path, directory] of tree.seal()) {
    if (path !== "") lines.push(`d ${path}${directory.xattrs.has("trusted.overlay.opaque") ? " !" : ""}`);
    for (const [name, child] of directory.children) {
      const at = path === "" ? name : `${path}/${name}`;
      if (child.type === "symlink") lines.push(`l ${at} -> ${child.target}`);
      else if (child.type === "char-device")
        lines.push(`${child.major + child.minor === 0 ? "w" : "c"} ${at}`);
      else if (child.type !== "directory") lines.push(`f ${at}`);
    }
  }
  return lines.sort();
}

function at(tree: LayerTree, path: string): LayerDirectoryNode {
  const found = tree.seal().find(([candidate]) => candidate === path);
  assert.ok(found, `no directory ${path}`);
  return found[1];
}

test("names are normalised by components: absolute, dots, doubled slashes, dot-dot", () => {
  const tree = build([file("/abs"), file("./dot"), file("a//b/./c"), file("x/../y")]);
  assert.deepEqual(list(tree), ["d a", "d a/b", "f a/b/c", "f abs", "f dot", "f y"]);
});

test("a name that climbs out of the root is refused, also where a link would lead back", () => {
  for (const path of ["../../up", "..", "/../x", "a/../../b", "../.wh.x"]) {
    assert.throws(() => build([link("a", "."), file(path)]), /climbs out of the root/);
  }
  assert.throws(() => build([hard("h", "../h")]), /is a hard link to "\.\.\/h", outside the root/);
});

test("whiteouts below what is a file in this layer delete nothing and are no error", () => {
  for (const path of ["info/.wh.x", "info/.wh..wh..opq", "info/deep/.wh.x"]) {
    assert.deepEqual(list(build([file("info"), file(path)])), ["f info"]);
    assert.deepEqual(list(build([file(path), file("info")])), ["f info"]);
  }
  assert.throws(() => build([file("info"), file("info/x")]), /lies below "info", which is a file/);
});

test("a whiteout becomes a device, in any order, and spares files of its own layer", () => {
  const entries = [dir("d"), file("d/.wh.gone"), file("d/.wh.kept"), file("d/kept")];
  const want = ["d d", "f d/kept", "w d/gone"];
  assert.deepEqual(list(build(entries)), want);
  assert.deepEqual(list(build([...entries].reverse())), want);
});

test("a whiteout beside a directory of the same name makes that opaque", () => {
  assert.deepEqual(list(build([file("d/new"), file(".wh.d")])), ["d d !", "f d/new"]);
});

test("an opaque mark hides lower layers only, wherever it stands", () => {
  const entries = [dir("d"), file("d/own"), file("d/.wh..wh..opq"), file("d/.wh.other")];
  const want = ["d d !", "f d/own"];
  assert.deepEqual(list(build(entries)), want);
  assert.deepEqual(list(build([...entries].reverse())), want);
});

test("a whiteout of no name is an error", () => {
  for (const name of ["d/.wh.", ".wh..", ".wh..."]) {
    assert.throws(() => build([file(name)]), /whiteout of no name/);
  }
});

test("aufs's own files are passed over, a whiteout cannot be a parent", () => {
  assert.deepEqual(list(build([dir(".wh..wh.plnk"), file(".wh..wh.plnk/1.2"), file("a")])), ["f a"]);
  assert.throws(() => build([file(".wh.d/f")]), /whiteout for a directory/);
});

test("A10 CVE-2026-95838: 100,000 opaque marks and whiteouts are linear work", () => {
  const looked = (count: number): number => {
    const entries = Array.from({ length: count }, (_, i) => [file(`d${i}/.wh..wh..opq`), file(`.wh.d${i}`)]);
    const same = Array.from({ length: count }, () => file("one/.wh..wh..opq"));
    const tree = build([...entries.flat(), ...same]);
    tree.seal();
    return tree.looked;
  };
  const small = looked(1000);
  assert.ok(small >= 3000, `${small} names were looked at for 3,000 entries`);
  assert.ok(looked(100_000) <= 100 * small);
});

test("a later entry replaces an earlier one; a directory over a directory keeps its children", () => {
  const tree = build([dir("d", { mode: 0o700 }), file("d/f"), dir("d", { mode: 0o711, uid: 5 })]);
  assert.deepEqual(list(tree), ["d d", "f d/f"]);
  assert.deepEqual([at(tree, "d").mode, at(tree, "d").uid], [0o711, 5]);
  assert.deepEqual(list(build([file("d/f"), file("d"), dir("d")])), ["d d"]);
  assert.deepEqual(list(build([file("x"), link("x", "y")])), ["l x -> y"]);
});

test("directories that are only implied are 0755, root, the epoch, and say so", () => {
  const tree = build([file("a/b/c"), dir("a", { mode: 0o2750 })]);
  assert.deepEqual(
    [at(tree, "").implied, at(tree, "a").implied, at(tree, "a/b").implied],
    [true, false, true],
  );
  assert.equal(at(tree, "a").mode, 0o2750);
  const { mode, uid, gid, mtime } = at(tree, "a/b");
  assert.deepEqual([mode, uid, gid, mtime.seconds], [0o755, 0, 0, 0]);
});

test("a parent that is a symbolic link is followed inside the layer", () => {
  const tree = build([link("lib", "usr/lib"), file("lib/x.so"), link("abs", "/usr"), file("abs/bin/sh")]);
  assert.deepEqual(list(tree), [
    "d usr",
    "d usr/bin",
    "d usr/lib",
    "f usr/bin/sh",
    "f usr/lib/x.so",
    "l abs -> /usr",
    "l lib -> usr/lib",
  ]);
  assert.throws(() => build([link("a", "b"), link("b", "a"), file("a/f")]), /too many symbolic links/);
  assert.throws(() => build([file("f"), file("f/below")]), /lies below "f", which is a file/);
});

test("A1: a directory entry over a symbolic link replaces it and touches nothing else", () => {
  const tree = build([link("d", "/etc"), dir("d", { mode: 0o777 }), file("d/f")]);
  assert.deepEqual(list(tree), ["d d", "f d/f"]);
});

test("A3: chains of links stay inside, absolute hard link targets count from the root", () => {
  const tree = build([
    link("a", ".."),
    link("b", "a/../../../.."),
    file("etc/passwd"),
    hard("h", "/etc/passwd"),
    hard("i", "a/b/etc/passwd"),
    file("b/written"),
  ]);
  const { children } = tree.root;
  const passwd = at(tree, "etc").children.get("passwd");
  assert.equal(children.get("h"), passwd);
  assert.equal(children.get("i"), passwd);
  assert.equal(children.get("written")?.type, "file");
});

test("A4: a hard link to what the layer does not hold is an error that names it", () => {
  // The name exists in the current directory of this test, which must not matter.
  assert.throws(
    () => build([hard("h", "package.json")]),
    /"h" at byte 0 is a hard link to "package.json", which is not/,
  );
  assert.throws(() => build([hard("h", "no/such")]), /not in this layer/);
  assert.throws(() => build([hard("h", "/")]), /hard link to a directory/);
  assert.throws(() => build([dir("d"), hard("h", "d")]), /hard link to a directory/);
});

test("A5: a root that is no directory is refused", () => {
  for (const path of [".", "./", "/", "a/.."]) {
    assert.throws(() => build([link(path, "/etc")]), /makes the root a symlink/);
    assert.throws(() => build([file(path)]), /makes the root a file/);
    assert.equal(build([dir(path, { mode: 0o700 })]).root.mode, 0o700);
  }
});

test("A6: names that only look alike stay apart, drives and link paths mean nothing", () => {
  // "é" composed and decomposed, in UTF-8: HFS+ would take one for the other, Linux does not.
  const tree = build([
    link("\xc3\xa9", "/etc"),
    file("e\xcc\x81/f"),
    file("c:..\\x"),
    link("C:", "c:/windows"),
    file("ETC"),
    file("etc"),
  ]);
  assert.deepEqual(list(tree), [
    "d e\xcc\x81",
    "f ETC",
    "f c:..\\x",
    "f etc",
    "f e\xcc\x81/f",
    "l C: -> c:/windows",
    "l \xc3\xa9 -> /etc",
  ]);
});

test("A8: a hard link to a symbolic link links the link itself", () => {
  const tree = build([link("deep/l", "../../../../etc/passwd"), hard("h", "deep/l")]);
  assert.equal(tree.root.children.get("h"), at(tree, "deep").children.get("l"));
  assert.deepEqual(list(build([file("f"), hard("f", "f")])), ["f f"]);
});

test("attributes of overlayfs in a layer are escaped, what no image can hold is reported", () => {
  const value = Buffer.from("y");
  const xattrs = new Map([
    ["trusted.overlay.opaque", value],
    ["trusted.overlay.redirect", value],
    ["user.overlay.opaque", value],
    ["user.plain", value],
    ["system.nfs4_acl", value],
  ]);
  const tree = build([dir("d", { xattrs })]);
  assert.deepEqual([...at(tree, "d").xattrs.keys()].sort(), [
    "trusted.overlay.overlay.opaque",
    "trusted.overlay.overlay.redirect",
    "user.overlay.overlay.opaque",
    "user.plain",
  ]);
  assert.deepEqual([...tree.droppedXattrs], ["system.nfs4_acl"]);
});

test("A11: long names, impossible devices and too many files are errors", () => {
  assert.throws(() => build([file("n".repeat(256))]), /component of 256 bytes/);
  assert.throws(() => build([file(`${"n".repeat(256)}/f`)]), /component of 256 bytes/);
  assert.throws(() => build([link("l", "t".repeat(4096))]), /longer than Linux allows/);
  assert.throws(
    () => build([{ path: "d", type: "block-device", deviceMajor: 4096 }]),
    /device number 4096:0/,
  );
  assert.throws(() => build([file("a/b/c/d/e")], 4), /more than 4 files/);
});
