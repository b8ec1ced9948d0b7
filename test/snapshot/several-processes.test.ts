import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { openStore } from "../../src/content/index.ts";
import { pull } from "../../src/image/index.ts";
import { openSource, parsePlace } from "../../src/transport/index.ts";
import { command, debianRootfs, isInstalled, isRoot, temporaryDirectory } from "../support/index.ts";
import { makeLayeredImage } from "./layered-image.ts";

const NAME = "test/several:1";
const program = join(import.meta.dirname, "prepare.ts");

describe("snapshots made by several processes", { skip: !isRoot || !isInstalled("umoci") }, () => {
  const scratch = temporaryDirectory("snapshot-several");
  const root = join(scratch.path, "root");
  const layers = join(root, "snapshots/layers/sha256");

  before(
    async () => {
      const layout = await makeLayeredImage(scratch.path, [await debianRootfs()]);
      const store = openStore(root);
      const source = await openSource(parsePlace(`oci:${layout}:test`));
      await pull(store, source, { name: NAME });
      await source[Symbol.asyncDispose]();
      store.close();
    },
    { timeout: 300_000 },
  );
  after(() => scratch[Symbol.dispose]());

  test("one works, the others wait for it", { timeout: 60_000 }, async () => {
    const runs = Array.from({ length: 3 }, () => command(process.execPath, [program, root, NAME]));
    for (const { exitCode, stdout, stderr } of await Promise.all(runs)) {
      assert.deepEqual([exitCode, stdout], [0, "1"], stderr);
    }
    assert.deepEqual(leftovers(), []);
  });

  test("SIGKILL at any moment leaves what the next one finishes", { timeout: 120_000 }, async () => {
    for (let moment = 0; moment < 8; moment++) {
      rmSync(join(root, "snapshots"), { recursive: true, force: true });
      const child = spawn(process.execPath, [program, root, NAME], { stdio: "ignore" });
      // Listened for from the start: a fast machine is done before the last moments.
      const exited = once(child, "exit");
      await delay(80 + moment * 120);
      child.kill("SIGKILL");
      await exited;
      const { exitCode, stdout, stderr } = await command(process.execPath, [program, root, NAME]);
      assert.deepEqual([exitCode, stdout], [0, "1"], stderr);
      assert.deepEqual(leftovers(), []);
    }
  });

  /** Everything but finished layers. */
  function leftovers(): string[] {
    return readdirSync(layers).filter((name) => !/^[0-9a-f]{64}\.(?:erofs|json)$/.test(name));
  }
});
