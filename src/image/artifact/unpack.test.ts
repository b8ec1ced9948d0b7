import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { type TarInput, writeTar } from "../../archive/index.ts";
import { isCortenError } from "../../spec/index.ts";
import { LayoutDirectory } from "../../transport/index.ts";
import { sha256 } from "../testing-image.ts";
import { packDirectory } from "./pack.ts";
import { checkTitle } from "./title.ts";
import { unpackDirectory } from "./unpack.ts";

const scratch = mkdtempSync(join(tmpdir(), "corten-unpack-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

let made = 0;
function freshDirectory(): string {
  const path = join(scratch, `dir-${made++}`);
  mkdirSync(path);
  return path;
}

async function tarOf(entries: readonly TarInput[]): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(writeTar(entries)));
}

async function unpack(path: string, entries: readonly TarInput[], unpackedDigest?: string): Promise<void> {
  await using directory = await LayoutDirectory.open(path, path, { create: false });
  async function* content(): AsyncGenerator<Uint8Array> {
    yield gzipSync(await tarOf(entries));
  }
  await unpackDirectory(directory, "d", content(), unpackedDigest === undefined ? {} : { unpackedDigest });
}

async function refuses(path: string, entries: readonly TarInput[], message: RegExp): Promise<void> {
  await assert.rejects(unpack(path, entries), (error) => {
    assert.ok(isCortenError(error, "invalid-argument"), String(error));
    assert.match(error.message, message);
    return true;
  });
}

const file = (path: string, text: string): TarInput => ({
  type: "file",
  path,
  body: new TextEncoder().encode(text),
});

test("a directory is packed, the same bytes each time, and unpacked to the same", async () => {
  const [from, to] = [freshDirectory(), freshDirectory()];
  mkdirSync(join(from, "d/below"), { recursive: true });
  writeFileSync(join(from, "d/below/b"), "b".repeat(100_000));
  writeFileSync(join(from, "d/a"), "");
  chmodSync(join(from, "d/a"), 0o755);
  symlinkSync("below/b", join(from, "d/link"));
  const packed = await Promise.all(
    [1, 2].map(async () => {
      const { content, unpackedDigest } = packDirectory(join(from, "d"), "d");
      return { bytes: Buffer.concat(await Array.fromAsync(content)), digest: unpackedDigest() };
    }),
  );
  assert.deepEqual(packed[0], packed[1]);
  async function* content(): AsyncGenerator<Uint8Array> {
    yield packed[0]!.bytes;
  }
  await using directory = await LayoutDirectory.open(to, to, { create: false });
  await unpackDirectory(directory, "d", content(), { unpackedDigest: packed[0]!.digest });
  assert.equal(readFileSync(join(to, "d/below/b"), "utf8"), "b".repeat(100_000));
  assert.equal(readlinkSync(join(to, "d/link")), "below/b");
  assert.equal(statSync(join(to, "d/a")).mode & 0o777, 0o755);
});

test("A4, CVE-2026-50163: a hard link is made to what stands inside, not to a file of the working directory", async () => {
  const [path, elsewhere] = [freshDirectory(), freshDirectory()];
  mkdirSync(join(elsewhere, "d"));
  writeFileSync(join(elsewhere, "d/target"), "of the host");
  const before = process.cwd();
  process.chdir(elsewhere);
  try {
    const link = { type: "hardlink", path: "d/link", linkPath: "d/target" } as const;
    await assert.rejects(unpack(path, [link]), (error) => isCortenError(error, "not-found"));
    assert.ok(!existsSync(join(path, "d/link")));
    await unpack(path, [file("d/target", "of the artifact"), link]);
    assert.equal(readFileSync(join(path, "d/link"), "utf8"), "of the artifact");
  } finally {
    process.chdir(before);
  }
});

test("A4, CVE-2021-21272: no name and no link leads out of the directory", async () => {
  const path = freshDirectory();
  const outside = freshDirectory();
  writeFileSync(join(outside, "secret"), "secret");
  const up = `../${outside.split("/").at(-1)}`;
  await refuses(path, [file("../evil", "x")], /leads out/);
  await refuses(path, [file("/evil", "x")], /leads out/);
  await refuses(path, [file("d/../../evil", "x")], /leads out/);
  await refuses(path, [file("other/evil", "x")], /leads out/);
  await refuses(path, [{ type: "symlink", path: "d/s", linkPath: `../${up}` }], /symbolic link/);
  await refuses(path, [{ type: "symlink", path: "d/s", linkPath: outside }], /symbolic link/);
  await refuses(path, [{ type: "hardlink", path: "d/h", linkPath: `${up}/secret` }], /hard link/);
  await refuses(
    path,
    [{ type: "char-device", path: "d/null", deviceMajor: 1, deviceMinor: 3 }],
    /char-device/,
  );
  await refuses(path, [{ type: "fifo", path: "d/pipe" }], /fifo/);
  assert.deepEqual(readdirSync(outside), ["secret"]);
});

test("a link that was there before, or came with the archive, is not followed", async () => {
  const [path, outside] = [freshDirectory(), freshDirectory()];
  mkdirSync(join(path, "d"));
  symlinkSync(outside, join(path, "d/sub"));
  await refuses(path, [file("d/sub/evil", "x")], /symbolic link/);
  // A chain: a link inside, a link through it that a string comparison finds harmless, a write through both.
  await refuses(
    path,
    [
      { type: "directory", path: "d/one/two" },
      { type: "symlink", path: "d/a", linkPath: "one/two" },
      file("d/a/evil", "x"),
    ],
    /symbolic link/,
  );
  symlinkSync(join(outside, "created"), join(path, "d/file"));
  await unpack(path, [file("d/file", "mine")]);
  assert.equal(readFileSync(join(path, "d/file"), "utf8"), "mine");
  const link = { type: "hardlink", path: "d/h", linkPath: "d/sub" } as const;
  await refuses(path, [link], /symbolic link/);
  assert.deepEqual(readdirSync(outside), []);
});

test("what unpacks to another digest is refused", async () => {
  const entries = [file("d/a", "x")];
  const path = freshDirectory();
  await unpack(path, entries, sha256(await tarOf(entries)));
  await assert.rejects(unpack(path, entries, sha256("other")), (error) => isCortenError(error, "data-loss"));
});

test("a title stays below the directory, whatever it is", () => {
  assert.equal(checkTitle("./a//b/", "x"), "a/b");
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(fc.constantFrom("..", ".", "", "a", "b\\c")).map((parts) => parts.join("/")),
      ),
      (title) => {
        let path: string;
        try {
          path = checkTitle(title, "x");
        } catch (error) {
          assert.ok(isCortenError(error, "invalid-argument"));
          return;
        }
        assert.ok(join("/root/of", path).startsWith("/root/of/"));
        assert.ok(!path.split("/").some((part) => part === ".." || part === "." || part === ""));
      },
    ),
  );
});
