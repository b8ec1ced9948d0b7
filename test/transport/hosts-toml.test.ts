import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseManifest } from "../../src/spec/index.ts";
import { openSink, openSource } from "../../src/transport/index.ts";
import {
  command,
  isInstalled,
  isRoot,
  type Registry,
  startRegistry,
  temporaryDirectory,
} from "../support/index.ts";
import { blobDigest, copy, writeSample } from "./sample-image.ts";

/** A containerd with everything it owns below `directory`, once it answers. */
async function startContainerd(directory: string): Promise<AsyncDisposable & { readonly socket: string }> {
  const socket = join(directory, "containerd.sock");
  writeFileSync(
    join(directory, "config.toml"),
    `version = 2
root = "${directory}/root"
state = "${directory}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${socket}"
[ttrpc]
  address = "${socket}.ttrpc"
`,
  );
  const log = openSync(join(directory, "log"), "w");
  const daemon = spawn("containerd", ["--config", join(directory, "config.toml")], {
    stdio: ["ignore", log, log],
  });
  const ended = new Promise<void>((resolve) => daemon.once("exit", () => resolve()));
  while ((await command("ctr", ["--address", socket, "version"])).exitCode !== 0) {
    assert.equal(daemon.exitCode, null, readFileSync(join(directory, "log"), "utf8"));
    await sleep(50);
  }
  return {
    socket,
    async [Symbol.asyncDispose]() {
      daemon.kill("SIGTERM");
      await ended;
    },
  };
}

/** At least `least` requests for content that a registry has logged since `from`; its log comes a moment later. */
async function requests(registry: Registry, from: number, least = 0): Promise<string[]> {
  for (;;) {
    const log = registry.log().slice(from);
    const found = log.match(/"(?:GET|HEAD) \/v2\/[^ ]*(?:manifests|blobs)\/[^ ]*/g) ?? [];
    if (found.length >= least) return found;
    await sleep(10);
  }
}

test("corten and containerd read one hosts.toml alike: a mirror learns whom it stands for", {
  skip: !isRoot || !isInstalled("containerd"),
}, async () => {
  using directory = temporaryDirectory("hosts-toml");
  await using upstream = await startRegistry();
  await using mirror = await startRegistry();
  for (const { address } of [upstream, mirror]) {
    await using sink = await openSink(`docker://${address}/team/tool:1`);
    await writeSample(sink);
  }
  const hosts = join(directory.path, "hosts");
  mkdirSync(join(hosts, upstream.address), { recursive: true });
  writeFileSync(
    join(hosts, upstream.address, "hosts.toml"),
    `server = "http://${upstream.address}"
[host."http://${mirror.address}"]
  capabilities = ["pull", "resolve"]
`,
  );
  const [before, beforeUpstream] = [mirror.log().length, upstream.log().length];
  const name = `${upstream.address}/team/tool:1`;
  await using containerd = await startContainerd(directory.path);
  const fetched = await command("ctr", [
    "--address",
    containerd.socket,
    "content",
    "fetch",
    "--hosts-dir",
    hosts,
    name,
  ]);
  assert.equal(fetched.exitCode, 0, fetched.stderr);
  const theirs = await requests(mirror, before, 4);

  const between = mirror.log().length;
  await using source = await openSource(`docker://${name}`, {
    registry: { registriesConf: false, hostsDirectories: [hosts], credentials: "anonymous" },
  });
  const { bytes } = await source.root();
  const { config, layers } = parseManifest(bytes);
  for (const blob of [config, ...layers]) assert.equal(await blobDigest(source, blob), blob.digest);
  const ours = await requests(mirror, between, 4);

  for (const list of [theirs, ours]) {
    assert.deepEqual(
      list.filter((request) => !/[?&]ns=/.test(request)),
      [],
    );
  }
  assert.deepEqual(await requests(upstream, beforeUpstream), []);
  await using sink = await openSink(`docker://${name}`, {
    registry: { registriesConf: false, hostsDirectories: [hosts], credentials: "anonymous" },
  });
  await copy(source, sink);
  // A push goes to the registry.
  while (!upstream.log().slice(beforeUpstream).includes("PUT /v2/team/tool/manifests/1")) await sleep(10);
});
