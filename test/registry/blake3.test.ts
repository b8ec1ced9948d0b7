import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { command, commandOutput, corten, temporaryDirectory } from "../support/index.ts";
import { digestOf } from "./digest.ts";
import { serveRegistry } from "./registry-server.ts";

const config = "application/vnd.oci.image.config.v1+json";
const manifest = "application/vnd.oci.image.manifest.v1+json";

test("an image of BLAKE3 digests is pushed in chunks, copied and pulled by corten, and damage is seen", async () => {
  using scratch = temporaryDirectory("blake3");
  const at = (name: string) => join(scratch.path, name);
  writeFileSync(at("hello"), "hello\n".repeat(100_000));
  await commandOutput("tar", ["-C", scratch.path, "-cf", at("layer.tar"), "hello"]);
  const layer = readFileSync(at("layer.tar"));
  const diffID = `sha256:${createHash("sha256").update(layer).digest("hex")}`;
  const settings = JSON.stringify({
    architecture: "amd64",
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: [diffID] },
  });
  await using registry = await serveRegistry(scratch.path);
  const call = (method: string, path: string, init: RequestInit = {}) =>
    fetch(new URL(path.startsWith("/") ? path : `/v2/${path}`, `http://${registry.address}`), {
      method,
      ...init,
    });
  const describe = (mediaType: string, content: Uint8Array) => ({
    mediaType,
    digest: digestOf(content, "blake3"),
    size: content.length,
  });
  const layers = [describe("application/vnd.oci.image.layer.v1.tar", layer)];
  for (const content of [layer, Buffer.from(settings)]) {
    const begun = await call("POST", "app/blobs/uploads/?digest-algorithm=blake3");
    let location = begun.headers.get("location") ?? "";
    for (let from = 0; from < content.length; from += 250_000) {
      const body = content.subarray(from, from + 250_000);
      const headers = { "Content-Range": `${from}-${from + body.length - 1}` };
      const patched = await call("PATCH", location, { body, headers });
      assert.equal(patched.status, 202);
      location = patched.headers.get("location") ?? "";
    }
    const wrong = digestOf("other", "blake3");
    assert.equal((await call("HEAD", `app/blobs/${wrong}`)).status, 404);
    const put = await call("PUT", `${location}?digest=${digestOf(content, "blake3")}`);
    assert.equal(put.status, 201);
  }
  const begun = await call("POST", "app/blobs/uploads/?digest-algorithm=blake3");
  const refused = await call("PUT", `${begun.headers.get("location")}?digest=${digestOf("x", "blake3")}`, {
    body: "y",
  });
  assert.equal(refused.status, 400);
  const document = JSON.stringify({
    schemaVersion: 2,
    mediaType: manifest,
    config: describe(config, Buffer.from(settings)),
    layers,
  });
  const digest = digestOf(document, "blake3");
  const put = await call("PUT", `app/manifests/${digest}?tag=v1`, {
    body: document,
    headers: { "Content-Type": manifest },
  });
  assert.equal(put.headers.get("docker-content-digest"), digest);

  const host = registry.address;
  const run = async (...words: string[]) => {
    const { exitCode, stdout, stderr } = await command(corten, ["--root", at("root"), ...words]);
    assert.equal(exitCode, 0, stderr);
    return stdout;
  };
  await run("copy", `docker://${host}/app:v1`, `oci:${at("layout")}:v1`);
  assert.ok(
    readFileSync(join(at("layout"), "blobs/blake3", digest.slice("blake3:".length))).equals(
      Buffer.from(document),
    ),
  );
  await run("image", "validate", `oci:${at("layout")}:v1`);
  await run("pull", `${host}/app@${digest}`);
  const name = layers[0]!.digest.slice("blake3:".length);
  writeFileSync(join(at("layout"), "blobs/blake3", name), layer.fill("x", 600, 605));
  const judged = await command(corten, ["image", "validate", `oci:${at("layout")}:v1`]);
  assert.notEqual(judged.exitCode, 0);
  assert.match(judged.stdout + judged.stderr, /blake3:[0-9a-f]{64}/);
});
