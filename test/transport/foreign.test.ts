import assert from "node:assert/strict";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { isCortenError, parseManifest } from "../../src/spec/index.ts";
import { openSink, openSource } from "../../src/transport/index.ts";
import { commandOutput, isInstalled, isRoot, temporaryDirectory } from "../support/index.ts";
import { copy, writeSample } from "./sample-image.ts";

const scratch = temporaryDirectory("foreign");
after(() => scratch[Symbol.dispose]());
const at = (name: string): string => join(scratch.path, name);

test("without the program of an engine its store cannot be reached", async () => {
  const environment = { PATH: at("nothing") };
  for (const open of [openSource, openSink]) {
    await assert.rejects(open("containers-storage:a", { environment }), (error) => {
      assert.ok(isCortenError(error, "failed-precondition"));
      assert.match(error.message, /^skopeo or podman is not installed$/);
      return true;
    });
  }
});

test("podman's own command serves where skopeo is missing", {
  skip: !isRoot || !isInstalled("podman"),
}, async () => {
  mkdirSync(at("bin"));
  symlinkSync("/usr/bin/podman", at("bin/podman"));
  const root = ["--root", at("storage"), "--runroot", at("run"), "--storage-driver", "vfs"];
  const environment = {
    ...process.env,
    PATH: at("bin"),
    TMPDIR: scratch.path,
    STORAGE_DRIVER: "vfs",
    STORAGE_OPTS: "",
    CONTAINERS_STORAGE_CONF: at("storage.conf"),
  };
  const toml = `[storage]\ndriver = "vfs"\ngraphroot = "${at("storage")}"\nrunroot = "${at("run")}"\n`;
  writeFileSync(at("storage.conf"), toml);
  await using sample = await openSink(`oci:${at("sample")}`);
  await writeSample(sample);
  {
    await using source = await openSource(`oci:${at("sample")}`);
    await using sink = await openSink("containers-storage:localhost/foreign:1", { environment });
    await copy(source, sink);
  }
  await commandOutput("podman", [...root, "image", "exists", "localhost/foreign:1"]);
  await using back = await openSource("containers-storage:localhost/foreign:1", { environment });
  await using original = await openSource(`oci:${at("sample")}`);
  const configs = await Promise.all(
    [back, original].map(async (source) => parseManifest((await source.root()).bytes).config.digest),
  );
  assert.equal(configs[0], configs[1]);
  await back[Symbol.asyncDispose]();
  assert.deepEqual(
    readdirSync(scratch.path).filter((name) => name.startsWith("corten-exchange")),
    [],
  );
});
