import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  lchownSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isRoot, temporaryDirectory } from "../support/index.ts";
import { builds, Kernel, makeBuilds, type Outcome, runPlan } from "./executor.ts";

makeBuilds("all", "asan");

/** Every file with type, mode, owner, size, time and link target. */
const listing = (directory: string): string =>
  execFileSync("find", [".", "-mindepth", "1", "-printf", "%p %y %m %U:%G %s %T@ %l\n"], {
    cwd: directory,
    encoding: "utf8",
  })
    .split("\n")
    // A directory's size is its file system's own affair.
    .map((line) => line.replace(/^(\S+ d \S+ \S+) \d+/, "$1"))
    .sort()
    .join("\n");

for (const { name, init } of builds) {
  function copy(scratch: string, owner = 0): Outcome {
    return runPlan(init, scratch, {
      host: [
        { op: "open", out: "$from", path: join(scratch, "from"), flags: Kernel.O_PATH },
        { op: "open", out: "$to", path: join(scratch, "to"), flags: Kernel.O_PATH },
        { op: "copyTree", from: "$from", to: "$to", owner },
      ],
    });
  }

  function prepare(scratch: string): { from: string; to: string } {
    const from = join(scratch, "from");
    const to = join(scratch, "to");
    mkdirSync(from);
    mkdirSync(to);
    return { from, to };
  }

  describe(`copyTree, ${name}`, { skip: !isRoot }, () => {
    test("copies every kind of file with its owner, mode, time and attributes", () => {
      using scratch = temporaryDirectory("native");
      const { from, to } = prepare(scratch.path);
      mkdirSync(join(from, "a/b/c"), { recursive: true });
      writeFileSync(join(from, "a/b/file"), "content".repeat(5000));
      lchownSync(join(from, "a/b/file"), 12, 13);
      chmodSync(join(from, "a/b/file"), 0o4751);
      writeFileSync(join(from, "a/capable"), "x");
      execFileSync("setfattr", ["-n", "trusted.corten", "-v", "yes", join(from, "a/capable")]);
      symlinkSync("/etc/passwd", join(from, "a/link"));
      lchownSync(join(from, "a/link"), 14, 15);
      execFileSync("mkfifo", ["-m", "620", join(from, "fifo")]);
      execFileSync("mknod", ["-m", "606", join(from, "null"), "c", "1", "3"]);
      chmodSync(join(from, "a/b/c"), 0o1777);
      for (const path of ["a/b/file", "a/b/c", "a/b", "a"]) utimesSync(join(from, path), 1000, 2000.5);
      // More names than one listing holds, with directories among them.
      for (let index = 0; index < 400; index++) {
        if (index % 5 === 0) mkdirSync(join(from, `directory-with-a-long-name-${index}`));
        else writeFileSync(join(from, `file-with-a-rather-long-name-${index}`), `${index}`);
      }
      const result = copy(scratch.path);
      assert.equal(result.failure, undefined);
      assert.equal(listing(to), listing(from));
      assert.equal(readFileSync(join(to, "a/b/file"), "utf8"), "content".repeat(5000));
      const value = execFileSync("getfattr", [
        "--absolute-names",
        "-n",
        "trusted.corten",
        "--only-values",
        join(to, "a/capable"),
      ]);
      assert.equal(value.toString(), "yes");
      assert.equal(statSync(join(to, "null")).rdev, 0x103);
    });

    test("gives the top its owner only when asked", () => {
      using scratch = temporaryDirectory("native");
      const { from, to } = prepare(scratch.path);
      lchownSync(from, 7, 8);
      copy(scratch.path);
      assert.equal(statSync(to).uid, 0);
      copy(scratch.path, 1);
      assert.deepEqual([statSync(to).uid, statSync(to).gid], [7, 8]);
    });

    test("keeps holes, and refuses what is too deep or too large", () => {
      using scratch = temporaryDirectory("native");
      const { from, to } = prepare(scratch.path);
      writeFileSync(join(from, "sparse"), "begin");
      truncateSync(join(from, "sparse"), 2 ** 38);
      assert.equal(copy(scratch.path).failure, undefined);
      assert.equal(statSync(join(to, "sparse")).size, 2 ** 38);
      assert.ok(statSync(join(to, "sparse")).blocks < 64);
      execFileSync("rm", [join(from, "sparse"), join(to, "sparse")]);
      mkdirSync(join(from, "d/".repeat(70)), { recursive: true });
      assert.match(copy(scratch.path).failure?.message ?? "", /deeper than 64 levels/);
    });

    test("refuses to go over what is already there", () => {
      using scratch = temporaryDirectory("native");
      const { from, to } = prepare(scratch.path);
      writeFileSync(join(from, "file"), "new");
      symlinkSync(join(scratch.path, "outside"), join(to, "file"));
      assert.match(copy(scratch.path).failure?.message ?? "", /EEXIST/);
    });
  });
}
