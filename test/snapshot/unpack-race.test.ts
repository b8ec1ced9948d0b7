import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { writeTar } from "../../src/archive/index.ts";
import { openStore } from "../../src/content/index.ts";
import { importRootfs } from "../../src/image/index.ts";
import { openSnapshots } from "../../src/snapshot/index.ts";
import { isRoot, temporaryDirectory } from "../support/index.ts";

const FILES = 400;
const ROUNDS = 15;

/** Exchanges the directories that are being written to and a link out of the root, as fast as it goes, until killed. */
async function startRacer(root: string): Promise<ReturnType<typeof spawn>> {
  const program = `import ctypes, os
libc = ctypes.CDLL(None)
os.chdir(${JSON.stringify(root)})
print("ready", flush=True)
while True:
    for name in (b"d", b"d/e"):
        libc.renameat2(-100, name, -100, b"../link", 2)`;
  const racer = spawn("python3", ["-c", program], { stdio: ["ignore", "pipe", "ignore"] });
  await once(racer.stdout!, "data");
  return racer;
}

test("A2 CVE-2025-47290: nothing is unpacked outside while directories and links are exchanged", {
  skip: !isRoot,
  timeout: 120_000,
}, async () => {
  using scratch = temporaryDirectory("race");
  const at = (name: string) => join(scratch.path, name);
  mkdirSync(at("canary"));
  writeFileSync(at("canary/witness"), "here");
  const store = openStore(at("store"));
  try {
    const snapshots = openSnapshots(at("store"));
    const names = Array.from({ length: FILES }, (_, index) => `d/e/${index}`);
    const layer = writeTar([
      { type: "directory", path: "d" },
      { type: "directory", path: "d/e" },
      ...names.map((path) => ({ type: "file" as const, path, body: Buffer.from("x") })),
    ]);
    const image = await importRootfs(store, layer, { name: "test/race:1" });
    const stack = await snapshots.prepare(store, image);
    let exchanged = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const root = at("root");
      mkdirSync(root, { mode: 0o700 });
      symlinkSync(at("canary"), at("link"));
      const racer = await startRacer(root);
      try {
        await snapshots.unpack(stack, root);
      } catch (error) {
        // The directory was gone, or a link stood in its place: refusing is right.
        assert.ok(error instanceof Error);
      } finally {
        const ended = new Promise((resolve) => racer.once("exit", resolve));
        racer.kill("SIGKILL");
        await ended;
      }
      assert.deepEqual(readdirSync(at("canary")), ["witness"], `round ${round}`);
      if (lstatSync(at("link")).isDirectory()) exchanged++;
      rmSync(root, { recursive: true });
      rmSync(at("link"), { recursive: true });
    }
    assert.ok(exchanged > 0, "the race was on");
  } finally {
    store.close();
  }
});
