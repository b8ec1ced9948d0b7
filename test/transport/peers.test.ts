import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ErrorCode } from "../../src/spec/index.ts";
import { isCortenError, parseManifest } from "../../src/spec/index.ts";
import { openImages, openSink, openSource } from "../../src/transport/index.ts";
import { commandOutput, type Registry, startRegistry, temporaryDirectory } from "../support/index.ts";
import { blobDigest, copy, writeSample } from "./sample-image.ts";

const directory = temporaryDirectory("transport");
const at = (name: string): string => join(directory.path, name);
const skopeo = (...args: string[]): Promise<string> =>
  commandOutput("skopeo", ["--insecure-policy", ...args], { env: { TMPDIR: directory.path } });

let registry: Registry;
before(async () => {
  registry = await startRegistry();
  await using sink = await openSink(`oci:${at("sample")}:v1`);
  await writeSample(sink);
});
after(async () => {
  await registry[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

async function refuses(run: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(run, (error) => {
    assert.ok(isCortenError(error, code), String(error));
    assert.match(error.message, message);
    return true;
  });
}

/** Copies between two places of ours and returns the root's digest. */
async function copyPlace(from: string, to: string): Promise<string> {
  await using source = await openSource(from);
  await using sink = await openSink(to);
  return (await copy(source, sink)).descriptor.digest;
}

test("umoci unpacks what our layout sink wrote", async () => {
  await commandOutput("umoci", ["unpack", "--rootless", "--image", `${at("sample")}:v1`, at("bundle")]);
  assert.equal(readFileSync(join(at("bundle"), "rootfs/etc/hello"), "utf8"), "hello\n");
  assert.equal(statSync(join(at("bundle"), "rootfs/noise")).size, 1024 * 1024);
});

test("skopeo reads our layout and archives, and we read its", async () => {
  const forms = ["oci", "oci-archive", "docker-archive"];
  for (const form of forms) {
    await copyPlace(`oci:${at("sample")}:v1`, `${form}:${at(`ours-${form}`)}:sample:v1`);
    await skopeo("copy", `${form}:${at(`ours-${form}`)}:sample:v1`, `oci:${at(`skopeo-from-${form}`)}:v1`);
    await skopeo("copy", `oci:${at("sample")}:v1`, `${form}:${at(`skopeo-${form}`)}:sample:v1`);
    await using source = await openSource(`${form}:${at(`skopeo-${form}`)}:sample:v1`);
    const root = await source.root();
    const { config, layers } = parseManifest(root.bytes, root.descriptor.mediaType);
    for (const blob of [config, ...layers]) assert.equal(await blobDigest(source, blob), blob.digest);
  }
  const digests = ["oci", "oci-archive"].map((form) =>
    readdirSync(join(at(`skopeo-from-${form}`), "blobs/sha256")).sort(),
  );
  for (const blobs of digests)
    assert.deepEqual(blobs, readdirSync(join(at("sample"), "blobs/sha256")).sort());
  for (const form of ["docker-archive", "oci-archive"]) {
    await using set = await openImages(at(`skopeo-${form}`));
    assert.equal(set.kind, form);
  }
});

test("skopeo's directories are read and written", async () => {
  await skopeo("copy", `oci:${at("sample")}:v1`, `dir:${at("skopeo-made-dir")}`);
  const digest = await copyPlace(`dir:${at("skopeo-made-dir")}`, `dir:${at("our-dir")}`);
  await skopeo("copy", `dir:${at("our-dir")}`, `oci:${at("from-our-dir")}:v1`);
  assert.equal(digest, await copyPlace(`oci:${at("from-our-dir")}:v1`, `dir:${at("again")}`));
});

test("an image that skopeo pushed is pulled byte for byte", async () => {
  await skopeo(
    "copy",
    "--dest-tls-verify=false",
    `oci:${at("sample")}:v1`,
    `docker://${registry.address}/team/app:1`,
  );
  const digest = await copyPlace(`docker://${registry.address}/team/app:1`, `oci:${at("pulled")}:v1`);
  assert.equal(
    createHash("sha256")
      .update(readFileSync(join(at("pulled"), "blobs", digest.replace(":", "/"))))
      .digest("hex"),
    digest.slice(7),
  );
  assert.deepEqual(
    readdirSync(join(at("pulled"), "blobs/sha256")).sort(),
    readdirSync(join(at("sample"), "blobs/sha256")).sort(),
  );
});

test("an image that we pushed is what skopeo and we find, by tag and digest", async () => {
  const digest = await copyPlace(`oci:${at("sample")}:v1`, `docker://${registry.address}/ours:1`);
  const inspected = JSON.parse(
    await skopeo("inspect", "--tls-verify=false", `docker://${registry.address}/ours:1`),
  );
  assert.equal(inspected.Digest, digest);
  await using pinned = await openSource(`docker://${registry.address}/ours@${digest}`);
  assert.equal((await pinned.root()).descriptor.digest, digest);
  await copyPlace(`docker://${registry.address}/ours:1`, `docker://${registry.address}/copy/of/ours:2`);
  await skopeo(
    "copy",
    "--src-tls-verify=false",
    `docker://${registry.address}/copy/of/ours:2`,
    `dir:${at("skopeo-dir")}`,
  );
});

test("a blob is mounted from another repository instead of uploaded", async () => {
  await copyPlace(`oci:${at("sample")}:v1`, `docker://${registry.address}/from:1`);
  const before = registry.log().length;
  {
    await using source = await openSource(`oci:${at("sample")}:v1`);
    await using sink = await openSink(`docker://${registry.address}/to:1`, {
      registry: { mountFrom: ["from"] },
    });
    await copy(source, sink);
  }
  const requests = registry.log().slice(before);
  assert.match(requests, /POST \/v2\/to\/blobs\/uploads\/\?mount=/);
  assert.doesNotMatch(requests, /PUT \/v2\/to\/blobs\/uploads\//);
});

test("a blob is read from any offset", async () => {
  await copyPlace(`oci:${at("sample")}:v1`, `docker://${registry.address}/ranges:1`);
  await using source = await openSource(`docker://${registry.address}/ranges:1`);
  await using local = await openSource(`oci:${at("sample")}:v1`);
  const { layers } = parseManifest((await source.root()).bytes);
  const layer = layers[1]!;
  for (const offset of [0, 1, 500_000, layer.size - 1, layer.size]) {
    assert.equal(
      await blobDigest(source, layer, offset),
      await blobDigest(local, layer, offset),
      String(offset),
    );
  }
});

test("a layer read in ranges over several connections is the layer", async () => {
  await copyPlace(`oci:${at("sample")}:v1`, `docker://${registry.address}/parallel:1`);
  const before = registry.log().length;
  await using source = await openSource(`docker://${registry.address}/parallel:1`, {
    registry: { ranges: { size: 64 * 1024, connections: 4, enough: Number.MAX_SAFE_INTEGER } },
  });
  const { layers } = parseManifest((await source.root()).bytes);
  assert.equal(await blobDigest(source, layers[1]!), layers[1]!.digest);
  const gets =
    registry
      .log()
      .slice(before)
      .match(/GET \/v2\/parallel\/blobs\//g) ?? [];
  assert.ok(gets.length > 8, `${gets.length} requests`);
});

test("what is not in the registry is not found, and says so", async () => {
  await using tag = await openSource(`docker://${registry.address}/nothing/here:1`);
  await refuses(tag.root(), "not-found", /pull manifest 1 of .*\/nothing\/here:1: .*MANIFEST_UNKNOWN/);
  const blob = { mediaType: "x/y", digest: `sha256:${"0".repeat(64)}`, size: 1 } as const;
  await refuses(tag.blob(blob), "not-found", /pull blob sha256:0+ .*BLOB_UNKNOWN/);
});

test("the registry's password is found in an auth file, and a wrong one is refused", async () => {
  // bcrypt of "secret-word": no program to make one is installed everywhere.
  const htpasswd = "tester:$2b$05$QKQBLaR7qNFPgiFYTTqlkurdmNZGTq5zCcrU/H99.ek36vHRL.VTu\n";
  await using locked = await startRegistry({ htpasswd });
  const environment = { HOME: at("no-home") };
  const auth = (password: string): string => {
    const path = at(`auth-${password}.json`);
    const entry = { auth: Buffer.from(`tester:${password}`).toString("base64") };
    writeFileSync(path, JSON.stringify({ auths: { [locked.address]: entry } }));
    return path;
  };
  const reference = `docker://${locked.address}/private:1`;
  await using source = await openSource(`oci:${at("sample")}:v1`);
  {
    await using sink = await openSink(reference, {
      registry: { authFile: auth("secret-word"), environment },
    });
    await copy(source, sink);
  }
  await using pulled = await openSource(reference, {
    registry: { authFile: auth("secret-word"), environment },
  });
  assert.deepEqual((await pulled.root()).descriptor, (await source.root()).descriptor);
  for (const options of [{ environment }, { authFile: auth("wrong"), environment }]) {
    await using refused = await openSource(reference, { registry: options });
    await refuses(refused.root(), "unauthenticated", /asks for credentials/);
  }
});
