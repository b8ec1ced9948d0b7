import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isRoot, temporaryDirectory } from "../support/index.ts";
import {
  builds,
  type Draft,
  foreground,
  Kernel,
  makeBuilds,
  type Outcome,
  runPlan,
  shell,
} from "./executor.ts";

makeBuilds("all", "asan");

for (const { name, init } of builds) {
  /** Runs host operations with `$root` open on the directory. */
  function inRoot(path: string, scratch: string, ...operations: readonly Draft[]): Outcome {
    return runPlan(init, scratch, {
      host: [{ op: "open", out: "$root", path, flags: Kernel.O_PATH }, ...operations],
    });
  }

  describe(`files, ${name}`, { skip: !isRoot }, () => {
    test("makes directories, FIFOs and links, and takes those that are there", () => {
      using scratch = temporaryDirectory("native");
      const root = join(scratch.path, "root");
      mkdirSync(root);
      const operations: Draft[] = [
        { op: "makeDirectory", dir: "$root", path: "a", mode: 0o1777 },
        { op: "makeDirectory", dir: "$root", path: "a/b" },
        { op: "makeSymlink", dir: "$root", path: "a/link", target: "/proc/self/fd" },
        { op: "makeSymlink", dir: "$root", path: "a/b/other", target: "x" },
      ];
      const result = inRoot(
        root,
        scratch.path,
        ...operations,
        ...operations,
        { op: "makeSymlink", dir: "$root", path: "a/b/other", target: "left alone" },
        { op: "makeSymlink", dir: "$root", path: "a/link", target: "replaced", replace: 1 },
        { op: "makeFifo", dir: "$root", path: "fifo", mode: 0o620, uid: 12, gid: 13 },
      );
      assert.equal(result.failure, undefined);
      assert.equal(statSync(join(root, "a")).mode, 0o41777);
      assert.equal(readlinkSync(join(root, "a/b/other")), "x");
      assert.equal(readlinkSync(join(root, "a/link")), "replaced");
      const fifo = statSync(join(root, "fifo"));
      assert.deepEqual([fifo.isFIFO(), fifo.mode & 0o777, fifo.uid, fifo.gid], [true, 0o620, 12, 13]);
    });

    test("CVE-2026-41579: makes nothing through a symlink below the given directory", () => {
      using scratch = temporaryDirectory("native");
      const [root, canary] = [join(scratch.path, "root"), join(scratch.path, "canary")];
      mkdirSync(root);
      mkdirSync(canary);
      symlinkSync(canary, join(root, "dev"));
      for (const operation of [
        { op: "makeDirectory", dir: "$root", path: "dev/x" },
        { op: "makeSymlink", dir: "$root", path: "dev/x", target: "y" },
        { op: "makeNode", dir: "$root", path: "dev/x", mode: 0o20666, major: 1, minor: 3 },
        { op: "makeFifo", dir: "$root", path: "dev/x", mode: 0o600 },
        { op: "makeDirectory", dir: "$root", path: "dev", at: "/x" },
        { op: "write", dir: "$root", path: "dev/x", data: "y", flags: 0o101 },
      ] as const) {
        assert.equal(inRoot(root, scratch.path, operation).status, 125, operation.op);
      }
      writeFileSync(join(canary, "x"), "");
      for (const op of ["remove", "removeTree"] as const) {
        inRoot(root, scratch.path, { op, dir: "$root", path: "dev/x" });
        assert.deepEqual(readdirSync(canary), ["x"], op);
      }
    });

    test("makes device nodes, and verifies what stands there already", () => {
      using scratch = temporaryDirectory("native");
      const null_ = {
        op: "makeNode",
        dir: "$root",
        path: "null",
        mode: 0o20666,
        major: 1,
        minor: 3,
      } as const;
      const result = inRoot(scratch.path, scratch.path, null_, { ...null_, mode: 0o20600, uid: 5, gid: 6 });
      assert.equal(result.failure, undefined);
      const status = statSync(join(scratch.path, "null"));
      assert.deepEqual(
        [status.isCharacterDevice(), status.mode & 0o777, status.uid, status.gid, status.rdev],
        [true, 0o600, 5, 6, 0x103],
      );
      const wrong = inRoot(scratch.path, scratch.path, { ...null_, minor: 5 });
      assert.equal(wrong.failure?.kind, "safety");
      assert.match(wrong.failure!.message, /"null" is not the device 1:5$/);
      symlinkSync("/etc/passwd", join(scratch.path, "link"));
      assert.equal(inRoot(scratch.path, scratch.path, { ...null_, path: "link" }).failure?.kind, "safety");
    });

    test("writes in one call, and lets the named error pass", () => {
      using scratch = temporaryDirectory("native");
      const file = join(scratch.path, "file");
      writeFileSync(file, "");
      const result = inRoot(
        scratch.path,
        scratch.path,
        { op: "write", dir: "$root", path: "file", data: new Uint8Array([0, 1, 255]) },
        { op: "write", path: join(scratch.path, "none"), data: "x", ignore: Kernel.ENOENT },
        { op: "write", path: "/proc/self/oom_score_adj", data: "rubbish", ignore: 22 },
      );
      assert.equal(result.failure, undefined);
      assert.deepEqual([...readFileSync(file)], [0, 1, 255]);
      const refused = inRoot(scratch.path, scratch.path, {
        op: "write",
        path: "/proc/self/oom_score_adj",
        data: `${"9".repeat(60)}\n`,
      });
      assert.match(
        refused.failure!.message,
        /^write\(AT_FDCWD, "\/proc\/self\/oom_score_adj", "9{48}\.\.\."\): ERANGE$/,
      );
    });

    test("sets owner and mode through any kind of descriptor", () => {
      using scratch = temporaryDirectory("native");
      writeFileSync(join(scratch.path, "file"), "");
      mkdirSync(join(scratch.path, "from"), { mode: 0o711 });
      const result = inRoot(
        scratch.path,
        scratch.path,
        { op: "open", out: "$path", dir: "$root", path: "file", flags: Kernel.O_PATH },
        { op: "setOwner", fd: "$path", uid: 7, gid: 8, mode: 0o4755 },
        { op: "open", out: "$file", dir: "$root", path: "file" },
        { op: "setOwner", fd: "$file", gid: 9 },
        { op: "open", out: "$from", dir: "$root", path: "from", flags: Kernel.O_PATH },
        { op: "copyMode", from: "$from", to: "$root" },
        { op: "close", fd: "$file" },
        { op: "close", fd: "$file" },
      );
      assert.equal(result.failure, undefined);
      const status = statSync(join(scratch.path, "file"));
      assert.deepEqual([status.uid, status.gid], [7, 9]);
      assert.equal(statSync(scratch.path).mode & 0o777, 0o711);
    });

    test("removes files, empty directories, and whole trees of any depth", () => {
      using scratch = temporaryDirectory("native");
      const tree = join(scratch.path, "tree");
      mkdirSync(tree);
      // Deeper than a path may be long, and than the executor has levels.
      execFileSync("/usr/bin/python3", [
        "-c",
        `import os
os.chdir(${JSON.stringify(tree)})
for i in range(300):
    name = "d%d-" % i + "x" * 20
    os.mkdir(name); open("f", "w").close(); os.symlink("/etc", "l"); os.chdir(name)
os.chdir(${JSON.stringify(tree)})
os.mkdir("wide")
for i in range(1000): open("wide/%d" % i, "w").close()
`,
      ]);
      writeFileSync(join(scratch.path, "file"), "");
      mkdirSync(join(scratch.path, "empty"));
      symlinkSync("/etc", join(scratch.path, "link"));
      const at = (name: string) => join(scratch.path, name);
      const result = inRoot(
        scratch.path,
        scratch.path,
        { op: "removeTree", path: tree },
        { op: "removeTree", path: tree },
        { op: "removeTree", path: at("link") },
        { op: "remove", path: at("file") },
        { op: "remove", dir: "$root", path: "empty" },
        { op: "remove", dir: "$root", path: "none/none" },
      );
      assert.equal(result.failure, undefined);
      assert.deepEqual(readdirSync(scratch.path), []);
      assert.ok(existsSync("/etc/passwd"));
    });

    test("removeTree stops at what is mounted in the tree", () => {
      using scratch = temporaryDirectory("native");
      const tree = join(scratch.path, "tree");
      mkdirSync(join(tree, "a/mount"), { recursive: true });
      mkdirSync(join(scratch.path, "data"));
      writeFileSync(join(scratch.path, "data/precious"), "");
      const mount = (target: string): Draft[] => [
        { op: "unshare", flags: Kernel.CLONE_NEWNS },
        { op: "open", out: "$target", path: target, flags: Kernel.O_PATH },
        { op: "openTree", out: "$tree", path: join(scratch.path, "data") },
        { op: "moveMount", from: "$tree", to: "$target" },
      ];
      for (const target of [join(tree, "a/mount"), tree]) {
        const result = inRoot(scratch.path, scratch.path, ...mount(target), { op: "removeTree", path: tree });
        assert.equal(result.failure?.kind, "safety");
        assert.ok(existsSync(join(scratch.path, "data/precious")));
      }
    });

    test("leaves inherited files of the program's child as they are: umask is the plan's", () => {
      using scratch = temporaryDirectory("native");
      const result = runPlan(init, scratch.path, {
        host: foreground(),
        container: [{ op: "setUmask", mask: 0o27 }, ...shell("umask")],
      });
      assert.equal(result.stdout, "0027\n");
      assert.ok(lstatSync(scratch.path).isDirectory());
    });
  });
}
