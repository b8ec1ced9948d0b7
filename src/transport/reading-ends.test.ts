import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, beforeEach, describe as suite, test } from "node:test";
import { gzipSync } from "node:zlib";
import { type TarInput, writeTar } from "../archive/index.ts";
import type { Descriptor, ErrorCode } from "../spec/index.ts";
import { isCortenError, MediaType, parseReference } from "../spec/index.ts";
import type { Place } from "./address.ts";
import { openSink, openSource } from "./open.ts";
import { RegistryDouble } from "./registry/testing-registry.ts";
import {
  collect,
  copyImage,
  describe,
  jsonBytes,
  type MemoryImage,
  sha256,
  smallImage,
} from "./testing-image.ts";

// Whatever an image comes from, the same documents are refused, and nothing gets a name at the destination.

let directory: string;
let registry: RegistryDouble;
let good: MemoryImage;
let manifest: { readonly config: Descriptor; readonly layers: readonly Descriptor[] };
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "corten-ends-"));
  registry = await RegistryDouble.start();
  good = await smallImage({ size: 5000 });
  manifest = JSON.parse(Buffer.from((await good.root()).bytes).toString());
});
beforeEach(async () => {
  registry.blobs.clear();
  registry.manifests.clear();
  await rm(directory, { recursive: true });
  await mkdir(directory);
});
after(async () => {
  await registry[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

type Image = { readonly root: Descriptor; readonly blobs: ReadonlyMap<string, Uint8Array> };
const ENDS = ["layout", "oci-archive", "docker-archive", "directory", "registry"] as const;
type End = (typeof ENDS)[number];

/** The files of a layout, with what makes it an archive of Docker's as well. */
function layoutFiles({ root, blobs }: Image, docker: boolean): Map<string, Uint8Array> {
  const files = new Map([...blobs].map(([digest, bytes]) => [`blobs/${digest.replace(":", "/")}`, bytes]));
  files.set("oci-layout", jsonBytes({ imageLayoutVersion: "1.0.0" }));
  files.set("index.json", jsonBytes({ schemaVersion: 2, manifests: [root] }));
  const path = ({ digest }: Descriptor): string => `blobs/${digest.replace(":", "/")}`;
  const saved = [{ Config: path(manifest.config), RepoTags: null, Layers: manifest.layers.map(path) }];
  if (docker) files.set("manifest.json", jsonBytes(saved));
  return files;
}

/** Puts an image, right or wrong, where the reading end finds it. */
async function put(end: End, image: Image): Promise<Place> {
  const path = join(directory, "source");
  if (end === "registry") {
    for (const [digest, bytes] of image.blobs) {
      registry.blobs.set(digest, bytes);
      registry.manifests.set(digest, { bytes, type: typeOf(bytes) });
    }
    const bytes = image.blobs.get(image.root.digest)!;
    registry.manifests.set("v1", { bytes, type: image.root.mediaType });
    return { kind: "registry", reference: parseReference(`${registry.host}/app:v1`) };
  }
  if (end === "directory") {
    await mkdir(path);
    for (const [digest, bytes] of image.blobs) {
      await writeFile(join(path, digest.slice(7)), bytes);
      await writeFile(join(path, `${digest.slice(7)}.manifest.json`), bytes);
    }
    await writeFile(join(path, "manifest.json"), image.blobs.get(image.root.digest)!);
    return { kind: end, path };
  }
  const files = layoutFiles(image, end === "docker-archive");
  if (end === "layout") {
    for (const [name, bytes] of files) {
      await mkdir(dirname(join(path, name)), { recursive: true });
      await writeFile(join(path, name), bytes);
    }
  } else {
    const entries = [...files].map(([name, body]): TarInput => ({ type: "file", path: name, body }));
    await writeFile(path, await collect(writeTar(entries)));
  }
  return { kind: end, path };
}

function typeOf(bytes: Uint8Array): string {
  try {
    return JSON.parse(Buffer.from(bytes).toString()).mediaType ?? MediaType.imageManifest;
  } catch {
    return MediaType.imageManifest;
  }
}

/** The good image's blobs under another root. */
function imageOf(document: object | Uint8Array, more: readonly Uint8Array[] = [], type?: string): Image {
  const bytes = document instanceof Uint8Array ? document : jsonBytes(document);
  const blobs = new Map<string, Uint8Array>(good.blobs);
  for (const blob of [...more, bytes]) blobs.set(sha256(blob), blob);
  return { root: describe(bytes, type ?? typeOf(bytes)), blobs };
}

const manifestWith = (fields: object): object => ({
  schemaVersion: 2,
  mediaType: MediaType.imageManifest,
  ...manifest,
  ...fields,
});

async function refuses(end: End, image: Image, codes: readonly ErrorCode[]): Promise<void> {
  await rm(join(directory, "source"), { recursive: true, force: true });
  await rm(join(directory, "target"), { recursive: true, force: true });
  const place = await put(end, image);
  const options = { registry: { environment: {}, attempts: 1 } };
  const copying = async (): Promise<void> => {
    await using source = await openSource(place, options);
    await using sink = await openSink({ kind: "layout", path: join(directory, "target") }, options);
    await copyImage(source, sink);
  };
  await assert.rejects(copying(), (error) => {
    assert.ok(isCortenError(error), String(error));
    assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`);
    return true;
  });
  assert.ok(!(await readdir(join(directory, "target"))).includes("index.json"));
}

for (const end of ENDS) {
  suite(end, () => {
    test("a good image is read", async () => {
      const place = await put(end, { root: (await good.root()).descriptor, blobs: good.blobs });
      await using source = await openSource(place, { registry: { environment: {} } });
      await using sink = await openSink({ kind: "layout", path: join(directory, "target") });
      assert.equal((await copyImage(source, sink)).descriptor.digest, (await good.root()).descriptor.digest);
    });

    test("M1 CVE-2021-41190: a document that is two things, or another than it is said to be", async () => {
      await refuses(end, imageOf(manifestWith({ manifests: [] })), ["invalid-argument"]);
      const index = {
        schemaVersion: 2,
        mediaType: MediaType.imageIndex,
        manifests: [],
        config: manifest.config,
      };
      await refuses(end, imageOf(index), ["invalid-argument"]);
      // A directory has no descriptor of its root that could say something else.
      if (end === "directory") return;
      await refuses(end, imageOf(manifestWith({}), [], MediaType.imageIndex), ["invalid-argument"]);
    });

    test("M2 CVE-2024-3727: a digest that is a path, or nothing that can be computed", async () => {
      for (const digest of [
        "sha256:../../../../etc/passwd",
        "nocolon",
        "sha256:ABC",
        `sha256:${"a".repeat(63)}`,
      ]) {
        const layers = [{ ...manifest.layers[0], digest }];
        await refuses(end, imageOf(manifestWith({ layers })), ["invalid-argument"]);
      }
      // An archive of Docker's that lacks a part of its manifest is what its list says.
      if (end === "docker-archive") return;
      const unknown = [{ ...manifest.layers[0], digest: "blake9:00" }];
      await refuses(end, imageOf(manifestWith({ layers: unknown })), ["unimplemented", "not-found"]);
    });

    test("M3: content that is not what its digest says", async () => {
      const { descriptor, bytes } = await good.root();
      const changed = (digest: string): Image => {
        const wrong = Uint8Array.from(good.blobs.get(digest as Descriptor["digest"]) ?? bytes);
        wrong[wrong.length - 1]! ^= 1;
        return { root: descriptor, blobs: new Map<string, Uint8Array>(good.blobs).set(digest, wrong) };
      };
      // Docker's archive has no digest of a configuration that is not its manifest's: it is read as what it is not.
      const codes = [
        "data-loss",
        "not-found",
        ...(end === "docker-archive" ? ["invalid-argument" as const] : []),
      ] as const;
      await refuses(end, changed(manifest.layers[0]!.digest), codes);
      await refuses(end, changed(manifest.config.digest), codes);
    });

    test("M4 CVE-2026-95839: a subject or an annotation that is none", async () => {
      const subjects = [
        { digest: "x" },
        { ...manifest.config, digest: 5 },
        "text",
        [],
        { ...manifest.config, size: -1 },
      ];
      for (const subject of subjects)
        await refuses(end, imageOf(manifestWith({ subject })), ["invalid-argument"]);
      for (const annotations of [{ a: 1 }, { a: {} }, "text"]) {
        await refuses(end, imageOf(manifestWith({ annotations })), ["invalid-argument"]);
      }
    });

    test("A12 CVE-2023-25153: a manifest without end", async () => {
      const huge = manifestWith({ annotations: { padding: "x".repeat(4 * 1024 * 1024) } });
      await refuses(end, imageOf(huge), ["resource-exhausted"]);
      const said = { ...(await good.root()).descriptor, size: 2 ** 40 };
      // Only layouts say a size beforehand; Docker's archive is then what its list says.
      if (end !== "layout" && end !== "oci-archive") return;
      await refuses(end, { root: said, blobs: good.blobs }, ["resource-exhausted"]);
    });
  });
}

// An archive of Docker's has one manifest for each image, and nothing that could be nested.
for (const end of ENDS.filter((other) => other !== "docker-archive")) {
  test(`M5 CVE-2026-53493: indexes without end in a ${end}`, async () => {
    const levels: Uint8Array[] = [(await good.root()).bytes];
    for (let depth = 0; depth < 12; depth++) {
      const below = describe(levels.at(-1)!, typeOf(levels.at(-1)!));
      levels.push(
        jsonBytes({ schemaVersion: 2, mediaType: MediaType.imageIndex, manifests: [below, below] }),
      );
    }
    await refuses(end, imageOf(levels.at(-1)!, levels), ["resource-exhausted"]);
  });
}

test("A12: an archive with entries without end", async () => {
  const [header] = [await collect(writeTar([{ type: "file", path: "x" }]))];
  const block = header!.subarray(0, 512);
  const many = Buffer.alloc(512 * 200_001);
  for (let at = 0; at < many.length; at += 512) many.set(block, at);
  const path = join(directory, "many.tar.gz");
  await writeFile(path, gzipSync(Buffer.concat([many, Buffer.alloc(1024)]), { level: 1 }));
  for (const kind of ["oci-archive", "docker-archive"] as const) {
    await assert.rejects(openSource({ kind, path }), (error) => isCortenError(error, "resource-exhausted"));
  }
});
