import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { command, commandOutput, corten, temporaryDirectory } from "../support/index.ts";
import { serveRegistry } from "./registry-server.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const EMPTY = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/** Pushes an image of nothing but an empty configuration. */
async function push(address: string, repository: string, tag: string): Promise<void> {
  const base = `http://${address}/v2/${repository}`;
  const begun = await fetch(`${base}/blobs/uploads/`, { method: "POST" });
  const location = new URL(begun.headers.get("location") ?? "", base);
  location.searchParams.set("digest", EMPTY);
  assert.equal((await fetch(location, { method: "PUT", body: "{}" })).status, 201);
  const config = { mediaType: "application/vnd.oci.empty.v1+json", digest: EMPTY, size: 2 };
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    artifactType: "application/x",
    config,
    layers: [config],
  });
  const put = await fetch(`${base}/manifests/${tag}`, {
    method: "PUT",
    headers: { "content-type": MANIFEST },
    body,
  });
  assert.equal(put.status, 201);
}

test("a mirror runs on demand beside the server, a replica after a push", async () => {
  using scratch = temporaryDirectory("mirror");
  using elsewhere = temporaryDirectory("mirror-source");
  await using source = await serveRegistry(elsewhere.path);
  for (const tag of ["1.0.0", "2.0.0"]) await push(source.address, "team/app", tag);
  const config = join(scratch.path, "registry.json");
  const mirrors = [
    {
      name: "team",
      registry: source.address,
      repositories: ["team/*", "gone"],
      versions: ">=2",
      prefix: "copy/",
    },
  ];
  const replicas = [{ registry: source.address, repositories: ["own/**"], prefix: "replica/" }];
  writeFileSync(config, JSON.stringify({ access: "open", mirrors, replicas }));
  await using registry = await serveRegistry(scratch.path, { args: ["--config", config] });
  const words = ["--root", join(scratch.path, "root"), "registry", "mirror", "--config", config];
  const run = await command(corten, ["--format", "json", ...words, "team"]);
  assert.equal(run.exitCode, 1);
  const [report] = JSON.parse(run.stdout);
  assert.equal(report.copied, 1);
  assert.deepEqual(
    report.failures.map(({ image }: { image: string }) => image),
    [`${source.address}/gone`],
  );
  const tags = await (await fetch(`http://${registry.address}/v2/copy/team/app/tags/list`)).json();
  assert.deepEqual(tags, { name: "copy/team/app", tags: ["2.0.0"] });
  assert.match((await command(corten, words)).stdout, /^mirror team: 0 copied \(0 bytes\), 1 current$/m);
  assert.match(await commandOutput(corten, ["registry", "mirror", "--help"]), /--config/);
  assert.match((await command(corten, [...words, "none"])).stderr, /has no mirror "none"/);

  await push(registry.address, "own/app", "v1");
  for (;;) {
    const replicated = await fetch(`http://${source.address}/v2/replica/own/app/manifests/v1`);
    if (replicated.status === 200) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});
