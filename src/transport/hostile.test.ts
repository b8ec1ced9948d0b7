import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type TarInput, writeTar } from "../archive/index.ts";
import { type ErrorCode, isCortenError, MediaType } from "../spec/index.ts";
import { LayoutDirectory } from "./layout/directory.ts";
import { openSink, openSource } from "./open.ts";
import {
  collect,
  contentsOf,
  copyImage,
  describe,
  jsonBytes,
  type MemoryImage,
  pieces,
  smallImage,
} from "./testing-image.ts";

let directory: string;
let image: MemoryImage;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "corten-hostile-"));
  image = await smallImage();
  await writeFile(join(directory, "host-secret"), "a file of this machine");
});
after(() => rm(directory, { recursive: true }));

async function refuses(run: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(run, (error) => {
    assert.ok(isCortenError(error, code), String(error));
    assert.match(error.message, message);
    return true;
  });
}

/** A layout directory with the test image. */
async function layout(name: string): Promise<string> {
  const path = join(directory, name);
  await using sink = await openSink({ kind: "layout", path });
  await copyImage(image, sink);
  return path;
}

async function read(place: string): Promise<unknown> {
  await using source = await openSource(place);
  return await contentsOf(source);
}

async function archive(name: string, entries: Iterable<TarInput>): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, await collect(writeTar(entries)));
  return path;
}

test("A9: a layout whose index or blobs are links out of it is refused", async () => {
  const secret = join(directory, "host-secret");
  const blob = (await image.root()).descriptor.digest.replace(":", "/");
  const layer = [...image.blobs.keys()].find((digest) => !blob.endsWith(digest.slice(7)))!.replace(":", "/");
  for (const [file, target] of [
    ["index.json", secret],
    ["oci-layout", secret],
    [`blobs/${blob}`, secret],
    [`blobs/${layer}`, secret],
    [`blobs/${layer}`, "../../../host-secret"],
    [`blobs/${layer}`, "/proc/self/environ"],
  ] as const) {
    const path = await layout(`link-${file.replaceAll("/", "-").slice(0, 40)}-${target.length}`);
    await rm(join(path, file));
    await symlink(target, join(path, file));
    await refuses(read(`oci:${path}`), "invalid-argument", /is a symbolic link/);
  }
});

test("A9: a layout whose directories are links is refused, even links inside it", async () => {
  for (const part of ["blobs", "blobs/sha256"]) {
    const path = await layout(`dirlink-${part.replace("/", "-")}`);
    await rename(join(path, part), join(path, "moved"));
    await symlink(join(path, "moved"), join(path, part));
    await refuses(read(`oci:${path}`), "invalid-argument", /is a symbolic link/);
    await using sink = await openSink(`oci:${path}`);
    const bytes = new Uint8Array(10);
    await refuses(
      sink.writeBlob(describe(bytes, "x/y"), pieces(bytes)),
      "invalid-argument",
      /is a symbolic link/,
    );
  }
});

test("A9: a directory that becomes a link while it is read leads nowhere", async () => {
  const path = await layout("race");
  const [digest, bytes] = [...image.blobs].sort(([, a], [, b]) => b.length - a.length)[0]!;
  const outside = join(directory, "outside");
  await mkdir(join(outside, "sha256"), { recursive: true });
  await writeFile(join(outside, "sha256", digest.slice(7)), Buffer.alloc(bytes.length, "X"));
  let swapping = true;
  const swap = (async () => {
    while (swapping) {
      await rename(join(path, "blobs"), join(path, "aside"));
      await symlink(outside, join(path, "blobs"));
      await rm(join(path, "blobs"));
      await rename(join(path, "aside"), join(path, "blobs"));
    }
  })();
  const outcomes = { read: 0, refused: 0 };
  await using source = await openSource({ kind: "layout", path });
  const late = Date.now() + 5000;
  const enough = (): boolean => outcomes.read > 100 && outcomes.refused > 10;
  while (!enough() && Date.now() < late) {
    try {
      const found = await collect(await source.blob({ mediaType: "x/y", digest, size: bytes.length }));
      assert.equal(
        found[0] === 0x58 && found[1] === 0x58 && found[2] === 0x58,
        false,
        "bytes of another directory",
      );
      outcomes.read++;
    } catch (error) {
      assert.ok(isCortenError(error), String(error));
      outcomes.refused++;
    }
  }
  swapping = false;
  await swap;
  assert.ok(outcomes.read + outcomes.refused > 10, JSON.stringify(outcomes));
});

test("a file looked for where directories are missing leaves no descriptor open", {
  skip: process.platform !== "linux",
}, async () => {
  const path = await layout("half");
  await rm(join(path, "blobs"), { recursive: true });
  await mkdir(join(path, "blobs"));
  await using directory = await LayoutDirectory.open(path, path, { create: false });
  const before = (await readdir("/proc/self/fd")).length;
  for (let i = 0; i < 20; i++) assert.equal(await directory.size("blobs/sha256/0"), undefined);
  assert.equal((await readdir("/proc/self/fd")).length, before);
});

test("A9: a dir: place is read without following links", async () => {
  const path = join(directory, "plain");
  {
    await using sink = await openSink(`dir:${path}`);
    await copyImage(image, sink);
  }
  await rm(join(path, "manifest.json"));
  await symlink(join(directory, "host-secret"), join(path, "manifest.json"));
  await refuses(read(`dir:${path}`), "invalid-argument", /manifest\.json is a symbolic link/);
});

test("A9: a FIFO in place of a file does not block the reader", async () => {
  const path = await layout("fifo");
  await rm(join(path, "index.json"));
  execFileSync("mkfifo", [join(path, "index.json")]);
  await refuses(read(`oci:${path}`), "invalid-argument", /not a regular file/);
});

test("A9: links in an archive lead to its own members or nowhere", async () => {
  const { descriptor, bytes } = await image.root();
  const blobs = [...image.blobs].map(
    ([digest, body]): TarInput => ({ type: "file", path: `blobs/${digest.replace(":", "/")}`, body }),
  );
  const header: TarInput = {
    type: "file",
    path: "oci-layout",
    body: jsonBytes({ imageLayoutVersion: "1.0.0" }),
  };
  const index = jsonBytes({ schemaVersion: 2, manifests: [descriptor] });
  const indexFile: TarInput = { type: "file", path: "index.json", body: index };
  assert.ok(await read(`oci-archive:${await archive("good.tar", [header, indexFile, ...blobs])}`));
  for (const target of ["/etc/passwd", "../../etc/passwd", "real.json"]) {
    const link: TarInput = { type: "symlink", path: "index.json", linkPath: target };
    const path = await archive(`link-${target.length}.tar`, [
      { ...indexFile, path: "real.json" },
      link,
      header,
      ...blobs,
    ]);
    await refuses(read(`oci-archive:${path}`), "invalid-argument", /is a symbolic link/);
  }
  const save = (layers: string[]) => jsonBytes([{ Config: "config", RepoTags: null, Layers: layers }]);
  const config = image.blobs.get(JSON.parse(Buffer.from(bytes).toString()).config.digest)!;
  for (const linkPath of ["../../../etc/passwd", "..", "loop", "/etc/passwd"]) {
    const path = await archive(`docker-link-${linkPath.length}.tar`, [
      { type: "file", path: "manifest.json", body: save(["loop", "loop"]) },
      { type: "file", path: "config", body: config },
      { type: "symlink", path: "loop", linkPath },
    ]);
    const message = linkPath === "/etc/passwd" ? /has no loop/ : /out of the archive|too many links/;
    await refuses(
      read(`docker-archive:${path}`),
      linkPath === "/etc/passwd" ? "data-loss" : "invalid-argument",
      message,
    );
  }
});

test("a member that occurs twice is refused, for two readers would see two images", async () => {
  const { descriptor } = await image.root();
  const index = (note: string): TarInput => ({
    type: "file",
    path: "index.json",
    body: jsonBytes({ schemaVersion: 2, manifests: [descriptor], annotations: { note } }),
  });
  const header: TarInput = {
    type: "file",
    path: "./oci-layout",
    body: jsonBytes({ imageLayoutVersion: "1.0.0" }),
  };
  const path = await archive("twice.tar", [header, index("a"), { ...index("b"), path: "./index.json" }]);
  await refuses(read(`oci-archive:${path}`), "invalid-argument", /index\.json occurs twice/);
});

test("M2: a digest that is a path is refused before any file is opened", async () => {
  const path = await layout("digest");
  for (const digest of ["sha256:../../host-secret", "sha256:/etc/passwd", "../x:y", "nocolon"]) {
    const manifests = [{ mediaType: MediaType.imageManifest, digest, size: 22 }];
    await writeFile(join(path, "index.json"), jsonBytes({ schemaVersion: 2, manifests }));
    await refuses(read(`oci:${path}`), "invalid-argument", /manifests\/0\/digest invalid/);
  }
});

test("a layout that is none, too large or damaged is refused", async () => {
  const path = await layout("damaged");
  const index = await readFile(join(path, "index.json"));
  const cases: [file: string, content: string | Buffer, code: ErrorCode, message: RegExp][] = [
    ["index.json", "{", "invalid-argument", /not JSON/],
    [
      "index.json",
      '{"schemaVersion":2,"manifests":[],"manifests":[]}',
      "invalid-argument",
      /\/manifests occurs twice/,
    ],
    ["index.json", '{"schemaVersion":2,"manifests":[]}', "not-found", /no image/],
    ["index.json", Buffer.alloc(5_000_000), "resource-exhausted", /larger than 4194304/],
    ["oci-layout", '{"imageLayoutVersion":"9"}', "invalid-argument", /"9", not "1\.0\.0"/],
  ];
  for (const [file, content, code, message] of cases) {
    const before = await readFile(join(path, file));
    await writeFile(join(path, file), content);
    await refuses(read(`oci:${path}`), code, message);
    await writeFile(join(path, file), before);
  }
  const [digest] = [...image.blobs].sort(([, a], [, b]) => b.length - a.length)[0]!;
  await truncate(join(path, "blobs", digest.replace(":", "/")), 10);
  await refuses(read(`oci:${path}`), "data-loss", /has 10 bytes, not/);
  await rm(join(path, "blobs", digest.replace(":", "/")));
  await refuses(read(`oci:${path}`), "not-found", /is missing/);
  await writeFile(join(path, "index.json"), index);
  await rm(join(path, "oci-layout"));
  await refuses(read(`oci:${path}`), "invalid-argument", /not an OCI image layout/);
});

test("an archive that is cut, compressed or no archive is refused", async () => {
  const whole = join(directory, "whole.tar");
  {
    await using sink = await openSink(`oci-archive:${whole}`);
    await copyImage(image, sink);
  }
  const bytes = await readFile(whole);
  for (const [name, content] of [
    ["cut", bytes.subarray(0, bytes.length - 3000)],
    ["noise", Buffer.alloc(4096, 0x41)],
  ] as const) {
    await writeFile(join(directory, name), content);
    await assert.rejects(read(`oci-archive:${directory}/${name}`), (error) => isCortenError(error), name);
  }
  await writeFile(join(directory, "empty"), "");
  await assert.rejects(read(`oci-archive:${directory}/empty`), (error) => isCortenError(error));
  await mkdir(join(directory, "a-directory"));
  await assert.rejects(read(`oci-archive:${directory}/a-directory`), (error) =>
    isCortenError(error, "invalid-argument"),
  );
});
