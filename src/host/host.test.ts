import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  acquireLock,
  ensurePrivateDirectory,
  isAlive,
  kernelAtLeast,
  mountOf,
  parseIdentity,
  parseKernelRelease,
  parseMountTable,
  processStartTime,
  readCgroupFacts,
  readHostFacts,
  selfIdentity,
  tryLock,
} from "./index.ts";

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), "corten-host-"));
});
after(() => rmSync(directory, { recursive: true }));

describe("facts about the host", () => {
  it("come from four small files", () => {
    const facts = readHostFacts();
    assert.ok(facts.kernel.major >= 5);
    assert.equal(facts.uid, process.geteuid?.());
    assert.ok(facts.mounts.some(({ mountpoint, type }) => mountpoint === "/proc" && type === "proc"));
  });

  it("know versions", () => {
    const kernel = parseKernelRelease("6.8.12-generic");
    assert.ok(kernelAtLeast(kernel, 6, 8) && kernelAtLeast(kernel, 5, 20) && !kernelAtLeast(kernel, 6, 9));
    assert.deepEqual(parseKernelRelease("odd"), { release: "odd", major: 0, minor: 0 });
  });

  it("read mount tables with escapes and optional fields", () => {
    const [entry] = parseMountTable(
      "36 35 98:0 /a\\040b /mnt/c\\134d rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue\nnonsense\n",
    );
    assert.deepEqual(
      [entry?.root, entry?.mountpoint, entry?.shared, entry?.type, entry?.options],
      ["/a b", "/mnt/c\\d", true, "ext3", ["rw", "noatime"]],
    );
  });

  it("find the mount of a path", () => {
    const table = parseMountTable(
      "1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / /a rw - tmpfs b rw\n3 1 0:3 / /ab rw - tmpfs c rw\n4 1 0:4 / /a rw - tmpfs d rw\n",
    );
    assert.equal(mountOf(table, "/a/x")?.source, "d");
    assert.equal(mountOf(table, "/ab")?.source, "c");
    assert.equal(mountOf(table, "/b")?.source, "a");
  });

  it("place a cgroup below a mount that shows only a part", () => {
    const mounts = parseMountTable("1 0 0:1 /docker/x /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
    assert.equal(readCgroupFacts("0::/docker/x/y\n", mounts).hierarchies[0]?.own, "/y");
    assert.equal(readCgroupFacts("0::/elsewhere\n", mounts).mode, "none");
  });
});

describe("process identities", () => {
  it("tell a process from a later one of the same number", async () => {
    const self = selfIdentity();
    assert.ok(isAlive(self));
    assert.ok(!isAlive({ ...self, startTime: self.startTime + 1 }));
    const child = spawn("/bin/sleep", ["100"]);
    const startTime = processStartTime(child.pid!);
    assert.ok(startTime !== undefined);
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill();
    await ended;
    assert.ok(!isAlive({ pid: child.pid!, startTime }));
  });

  it("are read strictly", () => {
    assert.deepEqual(parseIdentity("12 34\n"), { pid: 12, startTime: 34 });
    for (const text of ["", "12", "0 1", "-1 2", "1 2 3", "a b"])
      assert.equal(parseIdentity(text), undefined, text);
  });
});

describe("private directories", () => {
  it("are made with their parents, for the user alone", () => {
    const path = join(directory, "a/b/c");
    ensurePrivateDirectory(path);
    ensurePrivateDirectory(path);
    assert.equal(statSync(path).mode & 0o777, 0o700);
  });

  it("are refused when others could reach them", () => {
    const open = join(directory, "open");
    mkdirSync(open);
    chmodSync(open, 0o755);
    assert.throws(() => ensurePrivateDirectory(open), { code: "permission-denied" });
    ensurePrivateDirectory(open, { readable: true });
    chmodSync(open, 0o777);
    assert.throws(() => ensurePrivateDirectory(open, { readable: true }), { code: "permission-denied" });
    const link = join(directory, "link");
    symlinkSync(directory, link);
    assert.throws(() => ensurePrivateDirectory(link), { code: "permission-denied" });
  });
});

describe("locks", () => {
  it("exclude others until they are let go", async () => {
    const file = join(directory, "lock");
    {
      using lock = await acquireLock(file);
      assert.ok(lock);
      assert.equal(tryLock(file), undefined);
      await assert.rejects(acquireLock(file, { timeoutMs: 20 }), { code: "deadline-exceeded" });
    }
    assert.equal(existsSync(file), false);
  });

  it("are taken over from the dead", () => {
    const file = join(directory, "stale");
    writeFileSync(file, `${process.pid} 1`);
    const lock = tryLock(file);
    assert.ok(lock);
    lock.release();
  });
});
