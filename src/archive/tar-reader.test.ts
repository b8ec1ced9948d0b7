import assert from "node:assert/strict";
import { test } from "node:test";
import { toByteString } from "./byte-string.ts";
import { formatPaxRecord } from "./pax-records.ts";
import type { TarLimits } from "./tar-limits.ts";
import type { TarReadEntry } from "./tar-reader.ts";
import { readTar } from "./tar-reader.ts";
import { block, END, pax, rawEntry } from "./testing-tar.ts";

type Read = Omit<TarReadEntry, "body"> & { content: string };

/** Reads an archive given as parts, in chunks of `step` bytes. */
async function read(parts: readonly Uint8Array[], step = 1 << 20, limits?: TarLimits): Promise<Read[]> {
  const all = Buffer.concat(parts);
  const chunks: Buffer[] = [];
  for (let i = 0; i < all.length; i += step) chunks.push(all.subarray(i, i + step));
  const found: Read[] = [];
  for await (const { body, ...entry } of readTar(chunks, limits)) {
    const pieces: Uint8Array[] = [];
    for await (const piece of body) pieces.push(Buffer.from(piece));
    found.push({ ...entry, content: Buffer.concat(pieces).toString("latin1") });
  }
  return found;
}

const rejects = (parts: readonly Uint8Array[], message: RegExp, limits?: TarLimits): Promise<void> =>
  assert.rejects(read(parts, 1 << 20, limits), message);

test("a ustar entry keeps its fields, in chunks of any size", async () => {
  const parts = [
    rawEntry({
      path: "name",
      prefix: "some/dir",
      mode: 0o104755,
      uid: 7,
      gid: 8,
      mtime: 9,
      content: "hello",
    }),
    rawEntry({ path: "dev", type: "3", major: 5, minor: 1 }),
    END,
  ];
  for (const step of [1, 7, 511, 512, 513, 100_000]) {
    const [file, device, ...rest] = await read(parts, step);
    assert.equal(rest.length, 0);
    assert.equal(file!.path, "some/dir/name");
    assert.equal(file!.mode, 0o4755);
    assert.deepEqual([file!.uid, file!.gid, file!.size], [7, 8, 5]);
    assert.deepEqual(file!.mtime, { seconds: 9, nanoseconds: 0 });
    assert.equal(file!.content, "hello");
    assert.deepEqual([device!.type, device!.deviceMajor, device!.deviceMinor], ["char-device", 5, 1]);
    assert.equal(device!.offset, 1024);
  }
});

test("A7: the pax size beats the header's size, so that content is never taken for headers", async () => {
  const smuggled = Buffer.concat([rawEntry({ path: "smuggled", content: "x" })]);
  const found = await read([
    pax([["size", String(smuggled.length)]]),
    rawEntry({ path: "outer", size: 0 }),
    smuggled,
    rawEntry({ path: "after" }),
    END,
  ]);
  assert.deepEqual(
    found.map((entry) => entry.path),
    ["outer", "after"],
  );
  assert.equal(found[0]!.content.length, smuggled.length);
});

test("A7: a malformed pax header is an error and never skipped", async () => {
  const bad = (body: string, message: RegExp): Promise<void> =>
    rejects([rawEntry({ path: "p", type: "x", content: body }), rawEntry({ path: "f" }), END], message);
  await bad("11 path=ab", /does not end at a newline/);
  await bad("99 path=abc\n", /does not end at a newline/);
  await bad("path=abc\n", /has no length/);
  await bad("+9 path=a\n", /has no length/);
  await bad("7 path\n", /has no '='/);
  await bad("5 =a\n", /keyword/);
  await bad("10 path=a\n\n", /length/);
  await bad("12 size=abc\n", /not a number/);
  await bad("11 size=-1\n", /not a number/);
  await bad("4294967296294967296 a=b\n", /no length/);
});

test("A6: a NUL byte in a pax name is refused", async () => {
  await rejects([pax([["path", "etc\0passwd"]]), rawEntry({ path: "f" }), END], /contains a NUL byte/);
  await rejects([pax([["linkpath", "a\0b"]]), rawEntry({ path: "f", type: "2", link: "x" }), END], /NUL/);
});

test("A6: a negative base-256 size is refused", async () => {
  await rejects([rawEntry({ path: "f", size: -512 }), END], /field size is negative/);
});

test("base-256 numbers: large sizes, ids and times before 1970", async () => {
  const [entry] = await read([rawEntry({ path: "f", uid: 3_000_000, mtime: -1 }), END]);
  assert.equal(entry!.uid, 3_000_000);
  assert.equal(entry!.mtime.seconds, -1);
  await rejects([rawEntry({ path: "f", size: 2 ** 52 }), END], /exceeds the limit/);
  await rejects([rawEntry({ path: "f", uid: 2 ** 32 }), END], /not a valid id/);
});

test("pax: of a keyword given twice the last counts, an empty value restores the header's", async () => {
  const found = await read([
    rawEntry({ path: "g", type: "g", content: formatPaxRecord("uname", Buffer.from("global")).toString() }),
    pax([
      ["path", "first"],
      ["path", "second"],
      ["mtime", "-1.25"],
      ["uid", "12"],
    ]),
    rawEntry({ path: "header", user: "header" }),
    pax([
      ["path", ""],
      ["uname", ""],
    ]),
    rawEntry({ path: "header", user: "header" }),
    END,
  ]);
  assert.deepEqual(
    found.map((entry) => [entry.path, entry.userName, entry.uid]),
    [
      ["second", "global", 12],
      ["header", "header", 0],
    ],
  );
  assert.deepEqual(found[0]!.mtime, { seconds: -2, nanoseconds: 750_000_000 });
});

test("extended attributes keep names and binary values", async () => {
  const value = Buffer.from([1, 0, 10, 61, 255]);
  const [entry] = await read([
    pax([
      ["SCHILY.xattr.security.capability", value],
      ["SCHILY.xattr.user.empty", ""],
    ]),
    rawEntry({ path: "f" }),
    END,
  ]);
  assert.deepEqual(Buffer.from(entry!.xattrs.get("security.capability")!), value);
  assert.equal(entry!.xattrs.get("user.empty")!.length, 0);
});

test("A11: too many and too large attributes, names and headers are errors", async () => {
  const xattr = (n: number): [string, string] => [`SCHILY.xattr.user.${n}`, "v"];
  const file = rawEntry({ path: "f" });
  await rejects([pax(Array.from({ length: 5 }, (_, n) => xattr(n))), file, END], /limit of 4/, { xattrs: 4 });
  await rejects([pax([["SCHILY.xattr.user.a", "v".repeat(99)]]), file, END], /limit of 64/, {
    xattrBytes: 64,
  });
  await rejects([pax([["SCHILY.xattr.", "v"]]), file, END], /without a name/);
  await rejects([pax([["path", "a".repeat(5000)]]), file, END], /limit of 4096/);
  await rejects([rawEntry({ path: "p", type: "L", size: 2 ** 30 })], /limit of 1048576/);
  await rejects([file, file, file, END], /number of entries exceeds the limit of 2/, { entries: 2 });
  await rejects([file, END], /length of the archive/, { totalBytes: 1024 });
});

test("GNU long names and links", async () => {
  const name = "n".repeat(300);
  const [entry] = await read([
    rawEntry({ path: "././@LongLink", type: "K", content: `${name}l\0` }),
    rawEntry({ path: "././@LongLink", type: "L", content: `${name}\0` }),
    rawEntry({ path: "short", type: "2", link: "short" }),
    END,
  ]);
  assert.equal(entry!.path, name);
  assert.equal(entry!.linkPath, `${name}l`);
  const long = rawEntry({ path: "l", type: "L", content: "long\0" });
  await rejects(
    [long, pax([["path", "pax"]]), rawEntry({ path: "f" }), END],
    /both a pax path and a long name/,
  );
  await rejects([long, long, rawEntry({ path: "f" }), END], /second long name/);
  await rejects([long, END], /without an entry/);
  await rejects(
    [rawEntry({ path: "l", type: "L", content: "a\0b" }), rawEntry({ path: "f" })],
    /goes on after/,
  );
});

test("names that are no UTF-8 stay different and intact", async () => {
  const found = await read([rawEntry({ path: "caf\xe9" }), rawEntry({ path: toByteString("café") }), END]);
  assert.deepEqual(
    found.map((entry) => entry.path),
    ["caf\xe9", "caf\xc3\xa9"],
  );
});

test("damaged and truncated archives name the byte", async () => {
  const broken = block({ path: "f" });
  broken[0] = 0x67;
  await rejects([rawEntry({ path: "ok" }), broken, END], /malformed tar at byte 512: header checksum/);
  await rejects(
    [block({ path: "f", size: 600 }), Buffer.alloc(512)],
    /at byte 1024: archive ends inside an entry/,
  );
  await rejects([block({ path: "f" }).subarray(0, 100)], /inside a header block/);
  await rejects(
    [rawEntry({ path: "f" }), Buffer.alloc(512), rawEntry({ path: "g" }), END],
    /lone zero block/,
  );
  await rejects([rawEntry({ path: "f", type: "Z" }), END], /unknown type "Z"/);
  await rejects([rawEntry({ path: "" }), END], /without a name/);
  await rejects([rawEntry({ path: "d", type: "5", size: 512 })], /size of 512/);
  await rejects([rawEntry({ path: "d/", type: "0" }), END], /directory's name/);
});

test("an archive without end marker and one with anything behind it are read like everywhere else", async () => {
  assert.equal((await read([rawEntry({ path: "f", content: "x" })])).length, 1);
  assert.equal((await read([])).length, 0);
  assert.equal((await read([rawEntry({ path: "f" }), END, rawEntry({ path: "g" })])).length, 1);
});

test("an archive that ends in the padding of its last entry, as those of umoci insert do, is whole", async () => {
  const entry = rawEntry({ path: "f", content: "x".repeat(700) });
  for (const length of [512 + 700, 512 + 701, entry.length]) {
    assert.equal((await read([entry.subarray(0, length)])).length, 1, `${length}`);
  }
  await rejects([entry.subarray(0, 512 + 699)], /ends inside an entry/);
  const records = pax([["path", "long"]]);
  await rejects([records.subarray(0, records.length - 300)], /extension header without an entry|ends inside/);
});

test("content that is not read is skipped", async () => {
  const big = "x".repeat(5000);
  const parts = [rawEntry({ path: "a", content: big }), rawEntry({ path: "b", content: big }), END];
  const names: string[] = [];
  for await (const entry of readTar([Buffer.concat(parts)])) {
    names.push(entry.path);
    if (entry.path === "b") for await (const _ of entry.body) break;
  }
  assert.deepEqual(names, ["a", "b"]);
});

const SPARSE_CONTENT = `${"\0".repeat(512)}${"A".repeat(512)}${"\0".repeat(1024)}BB${"\0".repeat(98)}`;
const SPARSE_DATA = `${"A".repeat(512)}BB`;

test("sparse files in all four formats", async () => {
  const records = (more: [string, string][]): Buffer => pax([["GNU.sparse.name", "real"], ...more]);
  const file = rawEntry({ path: "GNUSparseFile.0/real", content: SPARSE_DATA });
  const map = "2\n512\n512\n2048\n2\n".padEnd(512, "\0");
  const variants: Buffer[][] = [
    [
      records([
        ["GNU.sparse.size", "2148"],
        ["GNU.sparse.numblocks", "2"],
        ["GNU.sparse.offset", "512"],
        ["GNU.sparse.numbytes", "512"],
        ["GNU.sparse.offset", "2048"],
        ["GNU.sparse.numbytes", "2"],
      ]),
      file,
    ],
    [
      records([
        ["GNU.sparse.size", "2148"],
        ["GNU.sparse.numblocks", "2"],
        ["GNU.sparse.map", "512,512,2048,2"],
      ]),
      file,
    ],
    [
      records([
        ["GNU.sparse.major", "1"],
        ["GNU.sparse.minor", "0"],
        ["GNU.sparse.realsize", "2148"],
      ]),
      rawEntry({ path: "GNUSparseFile.0/real", content: map + SPARSE_DATA }),
    ],
    [
      rawEntry({
        path: "real",
        type: "S",
        content: SPARSE_DATA,
        sparse: {
          size: 2148,
          segments: [
            [512, 512],
            [2048, 2],
          ],
        },
      }),
    ],
  ];
  for (const variant of variants) {
    for (const step of [1, 512, 1 << 20]) {
      const [entry, after] = await read([...variant, rawEntry({ path: "after" }), END], step);
      assert.equal(entry!.path, "real");
      assert.deepEqual([entry!.size, entry!.storedSize], [2148, 514]);
      assert.equal(entry!.content, SPARSE_CONTENT);
      assert.equal(after!.path, "after");
    }
  }
});

test("sparse maps that lie are refused", async () => {
  const bad = (map: string, size: string, message: RegExp, content = SPARSE_DATA): Promise<void> =>
    rejects(
      [
        pax([
          ["GNU.sparse.size", size],
          ["GNU.sparse.map", map],
        ]),
        rawEntry({ path: "f", content }),
        END,
      ],
      message,
    );
  await bad("512,512,0,2", "4096", /overlaps/);
  await bad("512,512,4095,2", "4096", /leaves the file/);
  await bad("0,512", "4096", /describes 512 bytes, but 514/);
  await bad("0,2,512,512", "4096", /whole number of blocks/);
  await bad("0,514,9", "4096", /without a length/);
  await bad("0,514,-1,0", "4096", /not a number/);
  await bad("0,514", "99999999999999", /limit/);
  await bad("0,1,1,1,2,1", "8", /number of sparse segments|whole number/);
});
