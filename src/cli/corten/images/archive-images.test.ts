import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { toByteString, writeTar } from "../../../archive/index.ts";
import { archiveImages } from "./archive-images.ts";

const directory = mkdtempSync(join(tmpdir(), "corten-archive-"));
after(() => rmSync(directory, { recursive: true, force: true }));

async function archive(files: Readonly<Record<string, unknown>>): Promise<string> {
  const path = join(directory, "My App.tar");
  const inputs = Object.entries(files).map(([name, value]) => ({
    type: "file" as const,
    path: toByteString(name),
    mode: 0o644,
    body: Buffer.from(JSON.stringify(value)),
  }));
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(inputs)) chunks.push(chunk);
  writeFileSync(path, Buffer.concat(chunks));
  return path;
}

const digest = `sha256:${"0".repeat(64)}`;
const entry = (annotations?: object) => ({
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  digest,
  size: 2,
  ...(annotations ? { annotations } : {}),
});
const index = (...manifests: object[]) => ({ "index.json": { schemaVersion: 2, manifests } });
const names = async (files: Readonly<Record<string, unknown>>) =>
  (await archiveImages(await archive(files))).map(({ name }) => name);

test("every tag of a docker-archive, and the file's name where there is none", async () => {
  const saved = { "manifest.json": [{ RepoTags: ["a:1", "b:2"] }, { RepoTags: ["c:3"] }], ...index(entry()) };
  assert.deepEqual(await names(saved), ["a:1", "b:2", "c:3"]);
  assert.deepEqual(await names({ "manifest.json": [{ RepoTags: null }] }), ["localhost/my-app"]);
});

test("the entries of an OCI layout by the name that they have", async () => {
  const full = {
    "io.containerd.image.name": "docker.io/library/a:1",
    "org.opencontainers.image.ref.name": "1",
  };
  const ref = (name: string) => ({ "org.opencontainers.image.ref.name": name });
  assert.deepEqual(await names(index(entry(full), entry(ref("x/y:2")), entry(ref("3")), entry())), [
    ...["docker.io/library/a:1", "x/y:2", "localhost/my-app:3", "localhost/my-app"],
  ]);
});

test("an archive without images is told apart from a root file system", async () => {
  await assert.rejects(
    names({ "etc/passwd": "" }),
    /holds no images: it has neither manifest\.json nor index\.json/,
  );
});
