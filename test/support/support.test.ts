import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  assertNothingLeft,
  command,
  commandOutput,
  isInstalled,
  isRoot,
  makeBundle,
  makeBusyboxImage,
  openTerminal,
  snapshotHost,
  startRegistry,
  temporaryDirectory,
} from "./index.ts";

test("a command's output, exit code and signal are told apart", async () => {
  assert.deepEqual(await command("sh", ["-c", "cat; echo oops >&2; exit 3"], { input: "in" }), {
    exitCode: 3,
    stdout: "in",
    stderr: "oops\n",
  });
  assert.equal((await command("sh", ["-c", "kill -9 $$"])).exitCode, 137);
  await assert.rejects(command("sleep", ["10"], { timeoutMs: 50 }), /did not end within 50 ms/);
});

test("a terminal types, resizes, waits and ends", async () => {
  await using terminal = await openTerminal("sh", [], { rows: 31, columns: 99, env: { PS1: "ready> " } });
  await terminal.waitFor("ready> ");
  terminal.type("stty size\r");
  await terminal.waitFor("31 99");
  terminal.resize(10, 20);
  terminal.type("stty size\r");
  await terminal.waitFor("10 20");
  await terminal.waitFor("ready> ");
  // What it repeats shows that it is in the foreground: before, an interrupt would be the shell's.
  terminal.type("cat\r");
  terminal.type("here\r");
  await terminal.waitFor(/here\r\nhere\r\n/);
  terminal.type("\x03");
  await terminal.waitFor("ready> ");
  terminal.type("exit 7\r");
  assert.equal(await terminal.exit, 7);
  await assert.rejects(terminal.waitFor("never"), /the program ended/);
});

test("a registry takes an image that skopeo pushes", { skip: !isInstalled("docker-registry") }, async () => {
  using scratch = temporaryDirectory();
  const archive = join(scratch.path, "busybox.tar");
  await makeBusyboxImage(archive, "corten-test/busybox:1");
  await using registry = await startRegistry();
  const target = `docker://${registry.address}/busybox:1`;
  await commandOutput("skopeo", ["copy", "--dest-tls-verify=false", `docker-archive:${archive}`, target]);
  const inspected = JSON.parse(await commandOutput("skopeo", ["inspect", "--tls-verify=false", target]));
  assert.equal(inspected.Layers.length, 1);
});

test("a bundle runs under runc", { skip: !isRoot || !isInstalled("runc") }, async () => {
  using scratch = temporaryDirectory();
  makeBundle(join(scratch.path, "bundle"), ["echo", "hello"]);
  const args = ["--root", join(scratch.path, "state"), "run", "-b", join(scratch.path, "bundle"), "support"];
  assert.equal(await commandOutput("runc", args), "hello");
});

test("what is left on the host is named", async () => {
  using scratch = temporaryDirectory();
  const folder = join(scratch.path, "data");
  const before = snapshotHost({ folders: [folder], matching: new RegExp(scratch.path) });
  await assertNothingLeft(before);
  mkdirSync(folder);
  writeFileSync(join(folder, "left"), "");
  await assert.rejects(assertNothingLeft(before, 0), /data\/left/);
});
