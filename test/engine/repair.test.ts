import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { ContainerOptions } from "../../src/engine/index.ts";
import { isRoot } from "../support/index.ts";
import { IMAGE, makeTestEngine, output, type TestEngine } from "./harness.ts";

describe("after SIGKILL", { skip: !isRoot }, () => {
  let it: TestEngine;
  before(async () => {
    it = await makeTestEngine();
  });
  after(() => it[Symbol.asyncDispose]());

  test("of `run --rm` in the foreground, at any moment: the next list removes all of it", {
    timeout: 120_000,
  }, async () => {
    for (let moment = 0; moment < 16; moment++) {
      await killAfter(
        it,
        "foreground.ts",
        { image: IMAGE, autoRemove: true, command: ["sleep", "0.3"] },
        moment * 20,
      );
      await settle(it);
      assert.deepEqual(await it.engine.list({ all: true }), [], `killed after ${moment * 20} ms`);
      assert.deepEqual(await it.leftovers(), [], `killed after ${moment * 20} ms`);
    }
  });

  test("of `run -d`, at any moment: half-made ones go, the others run or have ended", {
    timeout: 120_000,
  }, async () => {
    for (let moment = 0; moment < 12; moment++) {
      const name = `killed-${moment}`;
      await killAfter(it, "detached.ts", { image: IMAGE, name, command: ["sleep", "0.2"] }, moment * 25);
      await settle(it);
      for (const { name, state } of await it.engine.list({ all: true })) {
        assert.ok(state === "exited" || state === "created", `${name} is ${state}`);
        await it.engine.remove(name, { force: true });
      }
      assert.deepEqual(await it.leftovers(), [], `killed after ${moment * 25} ms`);
      // The name is free again, whatever was left.
      await (await it.engine.create({ image: IMAGE, name })).remove();
    }
  });

  test("of a name's holder: the name can be taken at once", async () => {
    const options = { image: IMAGE, name: "mine", autoRemove: true, command: ["sleep", "30"] };
    const child = start(it, "foreground.ts", options);
    await until(() => it.engine.list().then((rows) => rows.some(({ name }) => name === "mine")));
    child.kill("SIGKILL");
    await until(async () => {
      const [row] = await it.engine.list();
      // Where the supervisor's death does not end the container, it is still there, and can be removed.
      if (row !== undefined) await it.engine.remove(row.id, { force: true });
      return row === undefined;
    });
    await (await it.engine.create({ image: IMAGE, name: "mine" })).remove();
    assert.deepEqual(await it.leftovers(), []);
  });

  test("of the monitor: the container runs on, its log goes on, its exit is unseen", async () => {
    const { engine, runRoot } = it;
    const script = "echo one; sleep 0.5; echo two; exit 3";
    await using container = await engine.run({ image: IMAGE, command: ["sh", "-c", script] });
    const monitor = Number(
      readFileSync(join(runRoot, "monitor", container.id, "monitor"), "utf8").split(" ")[0],
    );
    process.kill(monitor, "SIGKILL");
    const [row] = await engine.list();
    assert.equal(row?.state, "running");
    assert.deepEqual(await output(engine, container.id), { stdout: "one\ntwo\n", stderr: "" });
    assert.equal((await engine.wait(container.id)).exitCode, null);
    assert.match((await engine.list({ all: true }))[0]!.status, /^Exited \(unknown\)/);
    const again = await engine.start(container.id);
    assert.equal((await again.wait()).exitCode, 3);
  });

  test("directories without a row are removed, rows without directories too", async () => {
    const stray = join(it.root, "containers", "a".repeat(64));
    mkdirSync(stray, { recursive: true });
    writeFileSync(join(stray, "file"), "");
    await it.engine.list();
    assert.ok(!existsSync(stray));
  });
});

function start({ root, runRoot }: TestEngine, program: string, options: ContainerOptions) {
  const args = [join(import.meta.dirname, program), root, runRoot, JSON.stringify(options)];
  return spawn(process.execPath, args, { stdio: "ignore" });
}

/** Kills the program `milliseconds` after it has begun its work (the time it takes to load is not interesting). */
async function killAfter(
  it: TestEngine,
  program: string,
  options: ContainerOptions,
  milliseconds: number,
): Promise<void> {
  const child = start(it, program, options);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await delay(60 + milliseconds);
  child.kill("SIGKILL");
  await ended;
}

/** Waits until nothing runs any more. */
async function settle({ engine }: TestEngine): Promise<void> {
  await until(async () => (await engine.list({ all: true })).every(({ state }) => state !== "running"));
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, "waited twenty seconds in vain");
    await delay(20);
  }
}
