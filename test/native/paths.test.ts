import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isRoot, temporaryDirectory } from "../support/index.ts";
import { builds, type Draft, Kernel, makeBuilds, type Outcome, runPlan } from "./executor.ts";

makeBuilds("all", "asan");

for (const { name, init } of builds) {
  /** Runs host operations with `$root` open on the directory. */
  function inRoot(path: string, scratch: string, ...operations: readonly Draft[]): Outcome {
    return runPlan(init, scratch, {
      host: [{ op: "open", out: "$root", path, flags: Kernel.O_PATH }, ...operations],
    });
  }

  describe(`paths, ${name}`, { skip: !isRoot }, () => {
    test("resolves inside the root, whatever its links say", () => {
      using scratch = temporaryDirectory("native");
      const root = join(scratch.path, "root");
      mkdirSync(join(root, "usr/lib"), { recursive: true });
      symlinkSync("/usr/lib", join(root, "lib"));
      symlinkSync("../../../../../..", join(root, "up"));
      const result = inRoot(
        root,
        scratch.path,
        { op: "resolve", out: "$a", root: "$root", path: "lib" },
        { op: "makeDirectory", dir: "$a", path: "by-link" },
        { op: "resolve", out: "$b", root: "$root", path: "/up/usr/../usr/./lib/" },
        { op: "makeDirectory", dir: "$b", path: "by-dots" },
        { op: "resolve", out: "$c", root: "$root", path: "" },
        { op: "makeDirectory", dir: "$c", path: "in-root" },
      );
      assert.equal(result.failure, undefined);
      assert.deepEqual(readdirSync(join(root, "usr/lib")).sort(), ["by-dots", "by-link"]);
      assert.ok(existsSync(join(root, "in-root")));
      const magic = inRoot("/", scratch.path, {
        op: "resolve",
        out: "$a",
        root: "$root",
        path: "proc/self/cwd",
      });
      assert.equal(magic.failure?.symbol, "ELOOP");
    });

    test("makes what is missing, also behind dangling links, never outside", () => {
      using scratch = temporaryDirectory("native");
      const root = join(scratch.path, "root");
      mkdirSync(join(root, "etc"), { recursive: true });
      symlinkSync("../run/resolve/resolv.conf", join(root, "etc/resolv.conf"));
      symlinkSync("/data", join(root, "absolute"));
      symlinkSync("loop", join(root, "loop"));
      symlinkSync(join(scratch.path, "outside"), join(root, "outside"));
      const result = inRoot(
        root,
        scratch.path,
        { op: "resolve", out: "$a", root: "$root", path: "etc/resolv.conf", create: 2, mode: 0o640 },
        { op: "resolve", out: "$b", root: "$root", path: "absolute/deep/dir", create: 1, mode: 0o700 },
        { op: "resolve", out: "$c", root: "$root", path: "outside/file", create: 2, mode: 0o600 },
        { op: "resolve", out: "$d", root: "$root", path: "etc", create: 1, mode: 0o700, directory: 1 },
        { op: "resolve", out: "$d", root: "$root", path: "new/dir", create: 1, directory: 1 },
      );
      assert.equal(result.failure, undefined);
      assert.equal(statSync(join(root, "run/resolve/resolv.conf")).mode, 0o100640);
      assert.equal(statSync(join(root, "run")).mode, 0o40755);
      assert.equal(statSync(join(root, "data/deep")).mode, 0o40700);
      assert.equal(existsSync(join(scratch.path, "outside")), false);
      assert.ok(statSync(join(root, scratch.path.slice(1), "outside/file")).isFile());
      const loop = inRoot(root, scratch.path, {
        op: "resolve",
        out: "$a",
        root: "$root",
        path: "loop/x",
        create: 1,
      });
      assert.equal(loop.failure?.symbol, "ELOOP");
      const none = inRoot(root, scratch.path, { op: "resolve", out: "$a", root: "$root", path: "none" });
      assert.match(none.failure!.message, /^openat2\(\[\d+\]<root>, "none", RESOLVE_IN_ROOT\): ENOENT$/);
    });

    test("CVE-2019-19921: a directory that must be real is refused as a link, dangling or not", () => {
      using scratch = temporaryDirectory("native");
      const root = join(scratch.path, "root");
      mkdirSync(join(root, "evil"), { recursive: true });
      symlinkSync("evil", join(root, "proc"));
      symlinkSync("none", join(root, "sys"));
      writeFileSync(join(root, "file"), "");
      for (const path of ["proc", "sys", "file"]) {
        const operation = { op: "resolve", out: "$a", root: "$root", path, create: 1, directory: 1 } as const;
        assert.equal(inRoot(root, scratch.path, operation).failure?.kind, "safety", path);
      }
      assert.equal(existsSync(join(root, "none")), false);
    });

    test("verifies what descriptors are", () => {
      using scratch = temporaryDirectory("native");
      const check = (path: string, fields: Readonly<Record<string, number>>) =>
        runPlan(init, scratch.path, {
          host: [
            { op: "open", out: "$it", path, flags: Kernel.O_PATH },
            { op: "verify", fd: "$it", ...fields },
          ],
        });
      for (const [path, fields] of [
        ["/dev/null", { kind: 1, major: 1, minor: 3 }],
        ["/proc", { kind: 2 }],
        ["/etc", { kind: 3 }],
        ["/dev/pts", { kind: 5 }],
      ] as const) {
        assert.equal(check(path, fields).status, 0, path);
      }
      for (const [path, fields] of [
        ["/dev/zero", { kind: 1, major: 1, minor: 3 }],
        ["/etc/passwd", { kind: 1, major: 0, minor: 0 }],
        ["/proc/sys", { kind: 2 }],
        ["/etc", { kind: 2 }],
        ["/etc/passwd", { kind: 3 }],
        ["/etc", { kind: 4 }],
        ["/dev", { kind: 5 }],
      ] as const) {
        assert.equal(check(path, fields).failure?.kind, "safety", path);
      }
    });

    test("CVE-2021-30465, CVE-2024-45310: makes nothing outside while directories and links are exchanged", () => {
      using scratch = temporaryDirectory("native");
      const [root, canary] = [join(scratch.path, "root"), join(scratch.path, "canary")];
      mkdirSync(join(root, "a/b"), { recursive: true });
      mkdirSync(canary);
      symlinkSync(canary, join(root, "link"));
      symlinkSync("../../../../../../../../..", join(root, "up"));
      // renameat2(RENAME_EXCHANGE), as fast as it goes, until it is killed.
      const racer = spawn("/usr/bin/python3", [
        "-c",
        `import ctypes, os
libc = ctypes.CDLL(None)
os.chdir(${JSON.stringify(root)})
while True:
    for other in (b"link", b"up"):
        for _ in range(2): libc.renameat2(-100, b"a", -100, other, 2)`,
      ]);
      try {
        for (let i = 0, end = Date.now() + 1500; Date.now() < end; i++) {
          inRoot(
            root,
            scratch.path,
            ...Array.from({ length: 20 }, (_, n): Draft[] => [
              { op: "resolve", out: "$x", root: "$root", path: `a/b/new${i}-${n}/file`, create: 2 },
              { op: "resolve", out: "$x", root: "$root", path: `a/made${i}-${n}/deep`, create: 1 },
            ]).flat(),
          );
        }
      } finally {
        racer.kill("SIGKILL");
      }
      assert.deepEqual(readdirSync(canary), []);
      assert.deepEqual(
        readdirSync(scratch.path).filter((name_) => /^(?:new|made|b$)/.test(name_)),
        [],
      );
    });
  });
}
